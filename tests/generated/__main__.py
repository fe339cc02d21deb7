"""Write every generated page."""

from tests.conftest import ROOT
from tests.generated import PAGES

for name, make in PAGES.items():
    (ROOT / name).write_text(make(), encoding="utf-8")
    print(f"{name} written")
