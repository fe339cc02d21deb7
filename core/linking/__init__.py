"""Which records of different systems stand for one client and one invoice. Pure; ambiguity is reported, never guessed away."""

from core.linking.accounts import Ambiguity, LinkResult, link_accounts

__all__ = ["Ambiguity", "LinkResult", "link_accounts"]
