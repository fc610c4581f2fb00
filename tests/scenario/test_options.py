# SPDX-License-Identifier: Apache-2.0
"""Options, files and what is said about wrong ones; nothing here opens a store."""
import os
import subprocess

import pytest

from memberd import PROGRAM, environment, run


def write(home, name, text, mode=0o600):
    path = os.path.join(home, name)
    with open(path, "w", opener=lambda name, flags: os.open(name, flags, mode)) as file:
        file.write(text)
    os.chmod(path, mode)
    return path


TOKENS = "admin sha256:" + "ab" * 32 + "\n"


def test_help_and_version_are_told_on_stdout():
    code, out, err = run("--help")
    assert (code, err) == (0, "")
    assert "--listen" in out and "Exit codes" in out
    assert run("-h")[1] == out
    code, out, err = run("--version")
    assert code == 0 and out.startswith("memberd ") and err == ""


@pytest.mark.parametrize("flags, word", [
    (["--lisen", "127.0.0.1:1"], "did you mean --listen?"),
    (["--queues", "65"], "0 to 64"),
    (["--coalesce", "maybe"], "on"),
    (["--queues", "many"], "0 to 64"),
    (["--store", "postgres"], "sqlite|memory"),
    (["--data"], "needs a value"),
    (["start"], "options begin with --"),
    (["-queues", "1"], "'-queues' is no option: options begin with --"),
    (["--data", "a\nb"], "--data: has a control character in it"),
    (["--listen", "7443"], "--listen: '7443' is no address: write HOST:PORT"),
    (["--admin-listen", "7443"], "--admin-listen: '7443' is no address: write HOST:PORT"),
    (["--redis", "redis://h:x"], "--redis: "),
    (["--listen", "0.0.0.0:7443"], "--plaintext-behind-proxy"),
    (["--listen", "0.0.0.0:7443", "--plaintext-behind-proxy"], "--token-file"),
])
def test_a_wrong_flag_is_a_usage_error(flags, word):
    code, out, err = run(*flags)
    assert code == 64 and out == ""
    assert word in err and "--help" in err


@pytest.mark.parametrize("name, value, word", [
    ("MEMBERD_QUEUE", "2", "did you mean MEMBERD_QUEUES?"),
    ("MEMBERD_QUEUES", "x", "MEMBERD_QUEUES: 'x' is no whole number"),
    ("MEMBERD_HELP", "true", "is no option"),
])
def test_a_wrong_environment_is_a_configuration_error(name, value, word):
    code, _, err = run("--check-config", env={name: value})
    assert code == 78 and word in err


@pytest.mark.parametrize("text, word", [
    ("queues: -1\n", "c.yaml:1:9: queues: '-1' is no whole number"),
    ("log-level: info\nlog_level: debug\n", "c.yaml:2:"),
    ("log-level: info\nlog-level: debug\n", "c.yaml:2:1: "),
    ("quues: 3\n", "did you mean queues?"),
    ("queues: [2]\n", "one value"),
    ("- queues\n", "must be a map"),
    ("queues: &q 2\n", "anchors"),
    ("config: other.yaml\n", "is no option"),
    ("", "empty"),
])
def test_a_wrong_file_is_told_with_its_line(home, text, word):
    write(home, "c.yaml", text)
    code, _, err = run("--config", "c.yaml", "--check-config", cwd=home)
    assert code == 78 and word in err, err


def test_a_missing_file_is_a_configuration_error(home):
    code, _, err = run("--config", "none.yaml", "--check-config", cwd=home)
    assert code == 78 and "none.yaml" in err


def test_flag_beats_environment_beats_file(home):
    write(home, "c.yaml", "queues: 3\nreaders: 3\npending-max: 3\n")
    code, out, _ = run("--config", "c.yaml", "--queues", "5", "--print-config", cwd=home,
                       env={"MEMBERD_QUEUES": "4", "MEMBERD_READERS": "4"})
    assert code == 0
    lines = out.splitlines()
    assert "queues: 5  # flag" in lines
    assert "readers: 4  # environment" in lines
    assert "pending-max: 3  # file" in lines
    assert 'listen: "127.0.0.1:7443"  # default' in lines


def test_print_config_is_a_file_that_says_the_same(home):
    _, out, _ = run("--queues", "7", "--data", "a \"b\" \\ # é\u2028\x85: ' ", "--print-config")
    write(home, "c.yaml", out)
    code, again, err = run("--config", "c.yaml", "--print-config", cwd=home)
    assert code == 0, err
    assert [line.split("  # ")[0] for line in again.splitlines()] == \
        [line.split("  # ")[0] for line in out.splitlines()]


def test_what_belongs_to_others_is_passed_over():
    code, _, err = run("--check-config", env={
        "MEMBERD_PORT": "tcp://10.0.0.1:7443", "MEMBERD_SERVICE_HOST": "10.0.0.1",  # Kubernetes
        "MEMBERD_SERVER": "127.0.0.1:7443", "MEMBERD_TOKEN": "secret"})  # memberctl
    assert code == 0, err


def test_check_config_reads_the_files_and_touches_no_data(home):
    tokens = write(home, "tokens", TOKENS)
    code, out, err = run("--check-config", "--token-file", tokens, "--data", os.path.join(home, "data"))
    assert code == 0 and "fine" in out, err
    assert not os.path.exists(os.path.join(home, "data"))
    assert run("--check-config", "--listen", "0.0.0.0:1")[0] == 64


@pytest.mark.parametrize("text, mode, word", [
    ("ab" * 32 + "\n", 0o600, None), (None, None, None),  # it is made at the first start
    ("ab" * 32 + "\n", 0o640, "chmod 600"), ("ab" * 31 + "\n", 0o600, "64 hexadecimal digits"),
])
def test_check_config_reads_the_key_file(home, text, mode, word):
    path = os.path.join(home, "key")
    if text is not None:
        write(home, "key", text, mode)
    code, out, err = run("--check-config", "--key-file", path)
    assert (code, word or "fine") == (78 if word else 0, word or "fine") and (word or "fine") in out + err, err
    assert os.path.exists(path) == (text is not None)


@pytest.mark.parametrize("text, mode", [
    ("root sha256:" + "ab" * 32 + "\n", 0o600),
    ("admin sha256:abc\n", 0o600),
    ("admin secret\n", 0o600),
    (TOKENS, 0o644),
    ("", 0o600),
])
def test_wrong_token_files_are_refused(home, text, mode):
    tokens = write(home, "tokens", text, mode)
    code, _, err = run("--check-config", "--token-file", tokens)
    assert code == 78 and "tokens" in err


def test_the_built_in_policy_is_printed_and_is_fine(home):
    code, text, _ = run("--print-policy")
    assert code == 0 and "black_diamond" in text
    path = write(home, "p.yaml", text)
    code, out, err = run("--check-policy", path)
    assert code == 0 and "fine" in out, err
    assert run("--policy", path, "--print-policy")[1] == text


def test_a_wrong_policy_is_told_with_every_problem(home):
    text = run("--print-policy")[1]
    path = write(home, "p.yaml", text.replace("attain: 600", "attain: 300").replace("zone:", "zoen:"))
    code, out, err = run("--check-policy", path)
    assert code == 78 and out == ""
    assert run("--policy", path, "--print-policy") == (78, "", err)
    assert len([line for line in err.splitlines() if line.startswith(path + ":")]) >= 2, err


def test_the_problems_that_are_not_listed_are_counted(home):
    text = run("--print-policy")[1] + "".join(f"extra{i}: 1\n" for i in range(25))
    path = write(home, "p" * 200 + ".yaml", text)
    code, out, err = run("--check-policy", path)
    *listed, last = err.splitlines()
    assert (code, out, last) == (78, "", f"{path}: and 5 more")
    assert len(listed) == 20 and all(line.endswith("audience, benefits") for line in listed), err


def test_what_cannot_be_written_is_no_success(home):
    path = write(home, "p.yaml", run("--print-policy")[1])
    for option in (["--print-policy"], ["--check-policy", path]):
        with open("/dev/full", "w", encoding="utf-8") as full:
            done = subprocess.run([PROGRAM, *option], stdout=full, stderr=subprocess.PIPE, text=True, env=environment())
        assert done.returncode == 74 and "cannot write to standard output" in done.stderr, option


def test_a_wrong_clock_is_a_configuration_error(home):
    code, _, err = run("--clock", "noon", "--data", os.path.join(home, "data"))
    assert code == 78 and "no clock" in err


@pytest.mark.parametrize("option", ["--config", "--policy", "--check-policy", "--token-file", "--key-file"])
def test_what_is_no_file_is_told_at_once(home, option):
    """A pipe would hold up the start for ever, a device may never end."""
    fifo = os.path.join(home, "fifo")
    os.mkfifo(fifo)
    for path in (fifo, home, "/dev/null", "/dev/zero"):
        code, _, err = run(option, path, "--data", os.path.join(home, "data"), "--listen", "127.0.0.1:0", "--admin-listen", "")
        assert code == 78 and "regular file" in err and path in err, err


def test_an_empty_policy_file_is_not_none_at_all(home):
    path = write(home, "p.yaml", "")
    for args in (["--policy", path, "--data", os.path.join(home, "data")], ["--check-policy", path],
                 ["--policy", path, "--check-config"]):
        code, _, err = run(*args, "--listen", "127.0.0.1:0", "--admin-listen", "")
        assert code == 78 and f"{path}: the file is empty" in err, err


def test_a_data_directory_that_is_none(home):
    path = write(home, "file", "x")
    code, _, err = run("--data", path)
    assert code == 74 and f"--data {path}: Not a directory" in err, err


@pytest.mark.parametrize("flag", ["--help", "--version", "--print-config", "--print-policy", "--check-config"])
def test_a_full_disk_is_told(flag):
    with open("/dev/full", "w") as full:
        done = subprocess.run([PROGRAM, flag], stdout=full, stderr=subprocess.PIPE, text=True, env=environment())
    assert done.returncode == 74 and done.stderr == "memberd: cannot write to standard output\n"
