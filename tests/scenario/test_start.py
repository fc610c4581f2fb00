# SPDX-License-Identifier: Apache-2.0
"""Coming up, staying what it was, going away."""
import os
import sqlite3
import stat
import subprocess

from memberd import BUILD, Memberd, ref, refused, run


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def test_the_first_start_makes_everything_private_and_says_so(start):
    daemon = start()
    assert mode(daemon.data) == 0o700
    names = sorted(os.listdir(daemon.data))
    assert {"memberd.db", "master.key"} <= set(names)
    assert all(mode(os.path.join(daemon.data, name)) == 0o600 for name in names), names
    key = daemon.wait_event("key file made: keep a copy of it in another place than the data")
    assert key["path"] == os.path.join(os.path.realpath(daemon.data), "master.key")
    assert daemon.events("every caller is admin")
    serving = daemon.events("serving")[0]
    assert serving["address"] == daemon.target
    assert serving["data"] == os.path.realpath(daemon.data)
    assert (serving["policy"], serving["policy_newest"]) == (1, 1)
    assert daemon.target in serving["try"]


def test_what_others_can_see_is_said(start):
    daemon = start.make()
    os.mkdir(daemon.data)
    os.chmod(daemon.data, 0o755)
    daemon.args[daemon.args.index("--admin-listen") + 1] = f"0.0.0.0:{daemon.admin_port}"
    daemon.start()
    assert daemon.events("others can look into the data directory")[0]["hint"] == "chmod 700"
    assert daemon.events("others can read the metrics")[0]["address"] == f"0.0.0.0:{daemon.admin_port}"
    assert all(mode(os.path.join(daemon.data, name)) == 0o600 for name in os.listdir(daemon.data))


def test_the_command_to_try_works(daemon):
    command = daemon.events("serving")[0]["try"].split()
    assert command[0] == "memberctl"
    done = subprocess.run([os.path.join(BUILD, "src/ctl/memberctl"), *command[1:]], capture_output=True,
                          text=True, timeout=20)
    assert (done.returncode, done.stdout.strip()) == (0, "serving"), done


def test_a_second_start_keeps_the_data_and_makes_no_key(start):
    first = start()
    member = first.api().enroll("ada")
    identity = first.events("serving")[0]["store_id"]
    assert first.stop() == 0
    assert first.events("stopped")
    second = start()
    assert second.api().members.GetMember(member=ref(member)).member.member_id == member
    assert second.events("serving")[0]["store_id"] == identity
    assert not second.events("key file made: keep a copy of it in another place than the data")


def test_every_answer_names_the_store(daemon, api):
    with refused("NOT_FOUND", "MEMBER_NOT_FOUND"):
        api.members.GetMember(member=ref(4711))
    assert api.initial["x-memberd-store-id"] == daemon.events("serving")[0]["store_id"]
    api.enroll("ada")
    assert api.initial["x-memberd-store-id"] == daemon.events("serving")[0]["store_id"]


def test_a_restored_copy_gets_an_id_of_its_own(start):
    first = start()
    member = first.api().enroll("ada")
    first.stop()
    second = start("--new-store-id")
    assert second.events("serving")[0]["store_id"] != first.events("serving")[0]["store_id"]
    assert second.api().members.GetMember(member=ref(member)).member.member_id == member


def test_a_second_memberd_on_the_same_data_is_told_to_wait(start):
    first = start()
    second = start.spawn()
    assert second.wait() == 75
    assert second.events("cannot start")[0]["exit"] == 75
    assert first.api().health() == "SERVING"


def test_an_address_in_use_is_refused(start):
    first = start()
    second = start.spawn("--store", "memory", port=first.port)
    assert second.wait() == 69
    # C core has its say, too, in lines of the same form
    assert all(line.startswith("{") for line in second.stderr().splitlines()), second.stderr()
    assert second.events("grpc core")
    third = start.make("--store", "memory")
    third.args[third.args.index("--admin-listen") + 1] = f"127.0.0.1:{first.admin_port}"
    assert third.spawn().wait() == 69
    assert "--admin-listen" in third.events("cannot start")[0]["story"]


def test_a_database_without_its_key_is_refused_and_left_alone(start):
    first = start()
    member = first.api().enroll("ada")
    first.stop()
    key = os.path.join(first.data, "master.key")
    os.rename(key, key + ".away")
    second = start.spawn()
    assert second.wait() == 78
    assert "master.key" in second.events("cannot start")[0]["story"]
    assert not os.path.exists(key)
    os.rename(key + ".away", key)
    assert start().api().members.GetMember(member=ref(member), view="MEMBER_VIEW_FULL").member.identities


def test_another_key_is_refused(start):
    start().stop()
    other = os.path.join(start.make().home, "other.key")
    with open(other, "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
        file.write("ab" * 32 + "\n")
    assert start.spawn("--key-file", other).wait() == 78


def test_a_key_that_others_can_read_is_refused(start):
    first = start()
    first.stop()
    os.chmod(os.path.join(first.data, "master.key"), 0o644)
    assert start.spawn().wait() == 78


def test_what_is_no_database_is_refused(start):
    daemon = start.make()
    os.mkdir(daemon.data, 0o700)
    with open(os.path.join(daemon.data, "memberd.db"), "w") as file:
        file.write("these are not the pages you are looking for\n" * 100)
    assert daemon.spawn().wait() == 69


def test_a_newer_schema_is_refused(start):
    first = start()
    first.stop()
    with sqlite3.connect(os.path.join(first.data, "memberd.db")) as database:
        changed = database.execute("UPDATE meta SET value = 9999 WHERE name = 'store.schema'").rowcount
        assert changed == 1
    database.close()
    second = start.spawn()
    assert second.wait() == 69
    assert "schema 9999" in second.events("cannot start")[0]["story"]


def test_migrate_only_ends_after_it(start):
    daemon = start.spawn("--migrate", "only")
    assert daemon.wait() == 0
    assert daemon.events("the store is up to date")
    assert not daemon.events("serving")


def test_data_that_cannot_be_made_is_refused(start):
    daemon = start.spawn("--data", "/proc/nowhere/data")
    assert daemon.wait() == 74


def test_memory_is_volatile_and_says_so(start):
    daemon = start("--store", "memory")
    daemon.api().enroll("ada")
    assert daemon.events("volatile store: everything is forgotten at the end")
    assert not os.path.exists(daemon.data)


def test_a_unix_socket_is_private(start, home):
    path = os.path.join(home, "s")
    daemon = Memberd(home)
    daemon.args[1] = f"unix:{path}"
    daemon.target = f"unix:{path}"
    try:
        daemon.start()
        assert mode(path) == 0o600
        assert daemon.api().enroll("ada")
        assert daemon.stop() == 0
    finally:
        daemon.close()


def test_a_socket_file_that_is_in_use_stays_its_owners(start, home):
    """One that nobody listens on any more, as a kill leaves it, is in nobody's way."""
    target = f"unix:{home}/s"
    first = start("--listen", target, "--store", "memory")
    first.target = target
    assert first.api().health() == "SERVING"
    second = start.spawn("--listen", target, "--store", "memory")
    second.killed = True
    assert second.wait() == 69
    assert "is it taken" in second.log()[-1]["story"]
    assert first.api().health() == "SERVING"
    first.kill()
    third = start("--listen", target, "--store", "memory")
    third.target = target
    assert third.api().health() == "SERVING"


def test_another_built_in_policy_than_version_1_is_told(start, home):
    """As after an upgrade: here the other way round, version 1 is a file with a word more."""
    path = os.path.join(home, "policy.yaml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(run("--print-policy")[1] + "# a word more\n")
    event = "the built-in policy differs from version 1 of the store"
    first = start("--policy", path)
    assert not first.events(event)
    assert first.stop() == 0
    second = start()
    assert second.events(event)[0]["level"] == "warn"
    assert "--print-policy" in second.events(event)[0]["hint"]
    assert second.stop() == 0
    os.mkdir(os.path.join(home, "other"))
    fresh = start(home=os.path.join(home, "other"))
    assert not fresh.events(event)
