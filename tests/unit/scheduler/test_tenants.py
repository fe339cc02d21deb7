"""Tenants' files: a broken one is named and its neighbours go on; what changes is noticed; nobody shares a store."""

from __future__ import annotations

import threading

import pytest

from core.clock import ManualClock
from core.errors import ConfigError, UsageError
from core.store import Pools
from scheduler.tenants import ONLY, Folder, Tenants, read_cluster, read_tenant
from tests.system.commands import BASE, CSV
from tests.unit.shell.vendor import NOW

CLUSTER = '[store]\nurl = "postgresql://duesync@db/duesync"\n[daemon]\nsync_every = "5m"\n[cluster]\ntenants = "tenants"\n'
TENANT = CSV[: CSV.index("[store]")] + CSV[CSV.index("[connections") :]


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "cluster.toml"
    path.write_text(CLUSTER)
    (tmp_path / "tenants").mkdir()
    return path


@pytest.fixture
def put(file):
    def write(name, text=TENANT):
        path = file.parent / "tenants" / f"{name}.toml"
        path.write_text(text)
        return path

    return write


def changes(folder, known=None):
    found = folder.changes(known or {})
    return [item.name for item in found.fresh], [item.name for item in found.broken], list(found.gone)


def test_a_tenant_inherits_the_store_in_a_schema_of_its_own_and_the_cadence(file, put):
    tenant = read_tenant(read_cluster(file), "acme", put("acme"))
    assert tenant.loaded.settings.store.url == "postgresql://duesync@db/duesync?schema=tenant_acme"
    assert next((job.name, job.every) for job in tenant.jobs) == ("sync:books", 300.0)


def test_a_tenant_may_live_on_another_server(file, put):
    own = '[store]\nurl = "postgresql://duesync@db2/other?schema=acme"\n' + TENANT
    tenant = read_tenant(read_cluster(file), "acme", put("acme", own))
    assert tenant.loaded.settings.store.url == "postgresql://duesync@db2/other?schema=acme"


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("acme", "[organisation\n", "is not valid TOML"),
        ("acme", TENANT.replace("America/Chicago", "Mars/Olympus"), "organisation.timezone"),
        ("acme", TENANT + '[store]\nurl = "sqlite:///own.db"\n', "store.url: workers need PostgreSQL"),
        ("Acme & Sons", TENANT, "name the file by 1-40 of a-z"),
    ],
)
def test_a_broken_file_is_named_and_its_neighbours_go_on(file, put, name, text, said):
    put(name, text)
    put("brightside")
    found = Folder(read_cluster(file)).changes({})
    assert [item.name for item in found.fresh] == ["brightside"]
    (broken,) = found.broken
    assert broken.name == name
    assert said in broken.problem


def test_files_added_changed_and_removed_are_noticed_and_others_are_not_read_again(file, put):
    folder = Folder(read_cluster(file))
    put("acme")
    path = put("brightside")
    known = {item.name: item.digest for item in folder.changes({}).fresh}
    assert changes(folder, known) == ([], [], [])
    put("acme", TENANT.replace("Northwind", "Southwind"))
    put("carol")
    path.unlink()
    assert changes(folder, known) == (["acme", "carol"], [], ["brightside"])


def test_what_a_tenant_inherits_changes_it_too(file, put):
    put("acme")
    known = {item.name: item.digest for item in Folder(read_cluster(file)).changes({}).fresh}
    file.write_text(CLUSTER.replace("5m", "10m"))
    assert changes(Folder(read_cluster(file)), known) == (["acme"], [], [])


def test_two_tenants_never_share_a_store(file, put):
    own = '[store]\nurl = "postgresql://duesync@db2/other?schema=acme"\n' + TENANT
    put("acme", own)
    put("brightside", own)
    found = Folder(read_cluster(file)).changes({})
    assert [item.name for item in found.fresh] == ["acme"]
    assert "is the store of tenant acme already" in found.broken[0].problem


def test_an_ordinary_configuration_is_a_cluster_of_one(tmp_path):
    path = tmp_path / "duesync.toml"
    path.write_text(CSV.replace("sqlite:///duesync.db", "postgresql://duesync@db/duesync"))
    cluster = read_cluster(path)
    assert cluster.files() == {ONLY: path}
    assert read_tenant(cluster, ONLY, path).loaded.settings.store.url == "postgresql://duesync@db/duesync"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (CSV, "workers need PostgreSQL"),
        (CLUSTER.replace("tenants", "nowhere", 2), "cluster.nowhere"),
        (CLUSTER.replace('"tenants"', '"nowhere"'), "nowhere is not a folder"),
        (CLUSTER + BASE[: BASE.index("[store]")], "belongs in the tenants' files"),
        (CLUSTER + '[http]\nport = "x"\n', "http.port"),
        (CLUSTER.replace("postgresql://duesync@db/duesync", "sqlite:///duesync.db"), "workers need PostgreSQL"),
    ],
)
def test_a_clusters_file_tells_every_problem(file, text, said):
    file.write_text(text)
    with pytest.raises(ConfigError, match=said):
        read_cluster(file)


def test_a_tenant_nobody_knows_or_whose_file_broke_is_refused(file, put):
    pools = Pools(1)
    tenants = Tenants(read_cluster(file), pools, clock=ManualClock(NOW), stopping=threading.Event())
    for name in ("nobody", "../cluster", "a/b"):
        with pytest.raises(UsageError, match="there is no tenant called"):
            tenants.open(name)
    put("acme", "[organisation\n")
    with pytest.raises(ConfigError, match="acme"):
        tenants.open("acme")
    pools.close()
