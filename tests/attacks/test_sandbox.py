"""The sandbox: what untrusted code cannot reach, cannot use up, and cannot leave behind."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from capstone_kit import sandbox
from capstone_kit.project import CannotRunError
from capstone_kit.sandbox import Limits, Sandbox, bubble, running

pytestmark = pytest.mark.skipif(not shutil.which("bwrap"), reason="bubblewrap is not installed")


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    """Give a sandbox with an empty environment."""
    place = tmp_path_factory.mktemp("environment") / "venv"
    subprocess.run(["uv", "venv", "--quiet", "--relocatable", "--python", sys.executable, str(place)], check=True)
    return Sandbox(place)


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """Give a working copy."""
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


def python(box: Sandbox, work: Path, code: str, **limits: float) -> sandbox.Done:
    """Run a piece of Python."""
    allowed = Limits(**{"seconds": 30} | limits)  # ty: ignore[invalid-argument-type]
    return box.run(work, "python", "-I", "-c", code, limits=allowed)


def test_the_self_test_passes(box: Sandbox) -> None:
    """None of the ways out is open."""
    sandbox.self_test(box)


WALLS = ("--unshare-user", "--unshare-net", "--unshare-pid", "--unshare-ipc", "--unshare-uts")


@pytest.mark.parametrize(
    ("wall", "says"),
    [
        ("--unshare-net", "is reachable"),
        ("--unshare-pid", "processes of the machine are seen"),
        ("--unshare-ipc", "shared memory is the machine's"),
        ("--disable-userns", "namespaces can be nested"),
        ("--new-session", "the session is the grader's"),
        ("--die-with-parent", "processes outlive the grader"),
    ],
)
def test_a_weakened_command_line_is_refused(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch, wall: str, says: str
) -> None:
    """Whoever takes a wall out of the sandbox grades nothing."""
    whole = (*WALLS, *(word for word in bubble.ISOLATED if word != "--unshare-all"))
    monkeypatch.setattr(bubble, "ISOLATED", tuple(word for word in whole if word != wall))
    with pytest.raises(CannotRunError, match=says):
        sandbox.self_test(box)


def test_without_the_filter_of_system_calls_nothing_is_graded(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory could then be held that no process is seen to hold."""
    monkeypatch.setattr(bubble.calls, "NUMBERS", {})
    monkeypatch.setattr(bubble.calls.program, "__defaults__", ("unknown",))
    with pytest.raises(CannotRunError, match="memory can be held unseen"):
        sandbox.self_test(box)


def test_without_bubblewrap_nothing_runs(box: Sandbox, work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence says what to install."""
    monkeypatch.setattr(bubble, "PROGRAMS", str(work))
    with pytest.raises(CannotRunError, match="apt-get install bubblewrap"):
        box.run(work, "true")


def test_only_the_working_copy_can_be_written(box: Sandbox, work: Path) -> None:
    """What is written there stays; everywhere else it is refused."""
    done = python(box, work, "open('here', 'w').write('x')\nopen('/usr/share/x', 'w')")
    assert (work / "here").read_text() == "x"
    assert done.status == 1
    assert "Read-only file system" in done.output


def test_the_environment_is_made_anew(box: Sandbox, work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable of the instructor's gets in, and nothing says that this is a grader."""
    monkeypatch.setenv("INSTRUCTORS_TOKEN", "sesame")
    told = python(
        box,
        work,
        "import os, socket; print(dict(os.environ), socket.gethostname(), os.getcwd()); "
        "print([open(f'/proc/1/{name}').read() for name in ('cmdline', 'environ')])",
    ).output
    assert "sesame" not in told
    assert str(work) not in told
    assert not [word for word in ("grade", "capstone", "sandbox") if word in told.lower()]


def test_processes_of_the_machine_cannot_be_seen(box: Sandbox, work: Path) -> None:
    """Only its own few are there."""
    told = python(box, work, "import os; print(len([p for p in os.listdir('/proc') if p.isdigit()]))")
    assert int(told.output) < 8


def test_locks_between_processes_work(box: Sandbox, work: Path) -> None:
    """Libraries that divide their work among processes run."""
    code = "import multiprocessing as m\nwith m.Pool(2) as pool: print(sum(pool.map(abs, range(-9, 0))))"
    assert python(box, work, code).output.strip() == "45"


def test_nothing_leaves_for_the_network(box: Sandbox, work: Path) -> None:
    """Neither the machine's loopback nor an address or a name beyond it answers."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        listening.settimeout(0.2)
        port = listening.getsockname()[1]
        for place in (("127.0.0.1", port), ("192.0.2.1", 80), ("example.com", 80)):
            assert python(box, work, f"import socket; socket.create_connection({place!r}, 2)").status == 1
        with pytest.raises(TimeoutError):
            listening.accept()


def test_its_own_loopback_answers_from_outside(box: Sandbox, work: Path) -> None:
    """A service in the sandbox is asked through its relay."""
    (work / "hello.txt").write_text("hello", encoding="utf-8")
    with running(box, work, "python", "-m", "http.server", "3000", port=3000) as server:
        for _ in range(100):
            try:
                connection = server.connect()
                connection.sendall(b"GET /hello.txt HTTP/1.0\r\n\r\n")
                answer = connection.makefile("rb").read()
                if b"hello" in answer:
                    break
            except OSError:
                time.sleep(0.1)
        assert answer.endswith(b"hello")


def test_what_is_no_connection_is_not_taken_for_one(box: Sandbox, work: Path) -> None:
    """Nothing listens, or what forwards was ended: an error, never another descriptor of the team's."""
    with running(box, work, "sleep", "30", port=3000) as server, pytest.raises(ConnectionRefusedError):
        server.connect()
    with running(box, work, "sh", "-c", "sleep 1; kill -9 -1", port=3000) as server:
        time.sleep(1.5)
        with pytest.raises(OSError, match=r"refused|pipe|reset"):
            server.connect(2)


def test_a_fork_bomb_ends(box: Sandbox, work: Path) -> None:
    """The number of processes is bounded, and all of them are gone in the end."""
    done = python(box, work, "import os\nwhile True: os.fork()", processes=64, seconds=5)
    assert done.status != 0
    assert python(box, work, "print('still here')").output.strip() == "still here"


def test_memory_is_bounded_over_all_processes(box: Sandbox, work: Path) -> None:
    """Eight processes that each stay small are stopped where they are too large together."""
    code = "import os, time\nfor _ in range(7):\n    if os.fork() == 0: break\nx = b'x' * 60_000_000\ntime.sleep(20)"
    done = python(box, work, code, memory_mb=200)
    assert (done.status, done.stopped) == (None, "memory")


def test_memory_that_processes_share_is_counted(box: Sandbox, work: Path) -> None:
    """Once: a shared mapping counts, and copies that were never written to do not."""
    shared = "import mmap, time\nm = mmap.mmap(-1, 4 * 10**8)\nfor i in range(0, len(m), 4096): m[i] = 1\ntime.sleep(9)"
    assert python(box, work, shared, memory_mb=200).stopped == "memory"
    forked = "import os, time\nx = b'x' * 100_000_000\nfor _ in range(5):\n    if os.fork() == 0: break\ntime.sleep(1)"
    assert python(box, work, forked, memory_mb=250).stopped == ""


@pytest.mark.parametrize(
    "code", ["import os; os.memfd_create('x')", "print(ctypes.CDLL(None).shmget(0, 4096, 0o1600))"]
)
def test_memory_that_belongs_to_no_process_is_not_to_be_had(box: Sandbox, work: Path, code: str) -> None:
    """It could not be counted."""
    told = python(box, work, f"import ctypes\n{code}").output
    assert "Function not implemented" in told or told.strip() == "-1"


def test_deleted_files_are_counted_while_they_are_open(box: Sandbox, work: Path) -> None:
    """They take as much room as others."""
    code = "import os, time\nf = open('x', 'wb')\nos.unlink('x')\nf.write(b'x' * 3 * 10**8)\nf.flush()\ntime.sleep(9)"
    assert python(box, work, code, disk_mb=100).stopped == "disk"


def test_nothing_of_the_machine_but_the_working_copy_can_be_filled(box: Sandbox, work: Path) -> None:
    """Not for a service either: the rest lies in memory, and is small."""
    code = "import os; print([p for p in os.popen('df --output=target,fstype').read().splitlines() if 'ext' in p])"
    with running(box, work, "python", "-c", f"{code}\nos.system('mount')", port=3000) as server:
        server.process.wait(20)
        time.sleep(0.2)
        mounts = [line for line in server.output.text.splitlines() if " type " in line and "(rw" in line]
    disks = [line.split()[2] for line in mounts if line.split()[4] not in ("tmpfs", "proc", "devpts", "devtmpfs")]
    assert disks == ["/home/student/project"]


def test_a_folder_that_turns_into_a_link_is_not_given_away(box: Sandbox, work: Path, tmp_path: Path) -> None:
    """Root hands over the working copy while a service runs in it: never what lies behind a link."""
    if os.geteuid() != 0:
        pytest.skip("only root gives files away")
    host = tmp_path / "host"
    host.mkdir()
    (host / "secret").touch()
    os.link(host / "secret", work / "second-name")
    (work / "a").mkdir()
    (work / "a" / "secret").touch()
    swap = f"while :; do mv a b; ln -s {host} a; sleep 0.001; rm a; mv b a; done"
    with running(box, work, "sh", "-c", swap, port=3000):
        for _ in range(20):
            box.run(work, "true")
    assert (host / "secret").stat().st_uid == 0


def test_disk_is_bounded(box: Sandbox, work: Path) -> None:
    """A working copy that grows without end is stopped."""
    code = "import time\nfor n in range(200):\n    open(f'{n}', 'wb').write(b'x' * 10_000_000); time.sleep(0.05)"
    done = python(box, work, code, disk_mb=100)
    assert (done.status, done.stopped) == (None, "disk")


def test_one_file_is_bounded(box: Sandbox, work: Path) -> None:
    """A single file ends at its limit."""
    assert python(box, work, "f = open('x', 'wb')\nwhile True: f.write(b'x' * 1_000_000)", file_mb=20).status != 0
    assert (work / "x").stat().st_size <= 20 * 1024 * 1024


def test_endless_output_is_thrown_away(box: Sandbox, work: Path) -> None:
    """The beginning and the end of it are kept, and no more."""
    done = python(box, work, "for n in range(200_000): print('x' * 500, n)")
    assert done.status == 0
    assert done.output.rstrip().endswith("199999")
    assert "bytes left out" in done.output
    assert len(done.output) <= sandbox.TAIL


def test_time_is_bounded_and_nobody_survives(box: Sandbox, work: Path) -> None:
    """What was put into the background ends with the command."""
    code = "import subprocess, time; subprocess.Popen(['sleep', '4321'], start_new_session=True); time.sleep(60)"
    done = python(box, work, code, seconds=2)
    assert (done.status, done.stopped) == (None, "time")
    assert not survivors("4321")


def test_what_runs_on_is_gone_when_the_command_has_ended(box: Sandbox, work: Path) -> None:
    """At once: else it could still change what the grader reads."""
    for _ in range(5):
        box.run(
            work, "sh", "-c", "setsid sh -c 'while :; do date >> beat; done' < /dev/null > /dev/null 2>&1 & sleep 0.2"
        )
        before = (work / "beat").stat().st_size
        time.sleep(0.1)
        assert (work / "beat").stat().st_size == before > 0


def test_when_the_grader_is_killed_nobody_survives(box: Sandbox, work: Path) -> None:
    """Not even SIGKILL leaves a team's process behind."""
    script = (
        "from pathlib import Path\nfrom capstone_kit.sandbox import Sandbox\n"
        f"Sandbox(Path({str(box.environment)!r})).run(Path({str(work)!r}), 'sleep', '4322')\n"
    )
    grader = subprocess.Popen([sys.executable, "-c", script])
    deadline = time.monotonic() + 20
    while not survivors("4322") and time.monotonic() < deadline:
        time.sleep(0.1)
    assert survivors("4322")
    grader.send_signal(signal.SIGKILL)
    grader.wait()
    deadline = time.monotonic() + 10
    while survivors("4322") and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not survivors("4322")


def test_a_python_behind_a_link_is_found(work: Path, tmp_path: Path) -> None:
    """As uv names those that it installed."""
    link, place = tmp_path / "cpython", tmp_path / "venv"
    link.symlink_to(sys.base_prefix)
    python = link / "bin" / Path(sys.executable).resolve().name
    subprocess.run(["uv", "venv", "--quiet", "--relocatable", "--python", str(python), str(place)], check=True)
    assert Sandbox(place).run(work, "python", "-c", "print(1)").output.strip() == "1"


def test_an_ordinary_user_has_the_same_walls() -> None:
    """Without root it is plain bubblewrap, and holds as well."""
    if os.geteuid() != 0:
        pytest.skip("every other test here has run as an ordinary user")
    base = Path(sys.base_prefix)
    if any(not p.stat().st_mode & 0o005 for p in (base, *base.parents)):
        base = shutil.copytree(base, Path("/var/tmp") / f"python-{os.getpid()}", symlinks=True)
    try:
        folder = Path("/var/tmp") / f"user-{os.getpid()}"
        folder.mkdir(mode=0o777)
        folder.chmod(0o777)
        kit = shutil.copytree(Path(sandbox.__file__).parents[1], folder / "kit" / "capstone_kit")
        code = (
            f"import sys; sys.path.insert(0, {str(kit.parent)!r})\n"
            "from importlib import metadata; metadata.version = lambda name: '0'\n"
            "import subprocess\nfrom pathlib import Path\nfrom capstone_kit import sandbox\n"
            f"subprocess.run([sys.executable, '-m', 'venv', '--without-pip', {str(folder / 'venv')!r}], check=True)\n"
            f"sandbox.self_test(sandbox.Sandbox(Path({str(folder / 'venv')!r}))); print('holds')\n"
        )
        import ruamel.yaml

        packages = Path(ruamel.yaml.__file__).parents[2]
        shutil.copytree(packages / "ruamel", folder / "kit" / "ruamel")
        done = subprocess.run(
            ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", f"{base}/bin/python3", "-c", code],
            capture_output=True,
            text=True,
            env={"PATH": "/usr/bin:/bin", "HOME": str(folder), "TMPDIR": str(folder)},
        )
        assert done.stdout.strip() == "holds", done.stderr
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if base.name == f"python-{os.getpid()}":
            shutil.rmtree(base, ignore_errors=True)


def survivors(word: str) -> list[int]:
    """Give the processes on this machine that sleep for so many seconds."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if words[:1] == [b"sleep"] and word.encode() in words:
                found.append(int(entry.name))
    return found
