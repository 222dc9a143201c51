#!/usr/bin/python3
"""Runs system tests inside the test machine and prints "ok NAME (seconds)" or "not ok NAME (seconds)" for each.

Arguments: modules, classes or tests, as unittest names them; none: all but those that need a restart of the machine.
A failure is followed by what went wrong and the manager's own log since the test began.
"""
import pathlib
import subprocess
import sys
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
NEEDS_ORCHESTRATION = {"test_reboot"}


class Report(unittest.TestResult):
    def __init__(self, prefix):
        super().__init__()
        self.prefix = prefix
        self.began = 0.0
        self.clock = time.time()

    def startTest(self, test):
        super().startTest(test)
        self.began = time.monotonic()
        self.clock = time.time()

    def line(self, word, name, took):
        print(f"{word} {self.prefix}{name} ({took:.1f} s)", flush=True)

    def addSuccess(self, test):
        self.line("ok", test.id(), time.monotonic() - self.began)

    def complain(self, test, error):
        name = test.id() if isinstance(test, unittest.TestCase) else str(test)
        self.line("not ok", name, time.monotonic() - self.began if self.began else 0)
        for text in self._exc_info_to_string(error, test).splitlines():
            print(f"#   {text}")
        log = subprocess.run(["journalctl", "--no-pager", "-o", "short-precise", f"--since=@{self.clock:.6f}", "-u",
                              "left4me-*", "-n", "60"], capture_output=True, text=True, check=False)
        for text in log.stdout.splitlines():
            print(f"#   | {text}")
        sys.stdout.flush()

    def addError(self, test, err):
        super().addError(test, err)
        self.complain(test, err)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.complain(test, err)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err:
            self.complain(subtest, err)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        print(f"skip {self.prefix}{test.id()}: {reason}", flush=True)

    def addExpectedFailure(self, test, err):
        self.complain(test, err)


def main():
    arguments = sys.argv[1:]
    prefix = ""
    if arguments and arguments[0].startswith("--prefix="):
        prefix = arguments.pop(0).partition("=")[2]
    sys.path.insert(0, str(HERE))
    sys.dont_write_bytecode = True
    names = arguments or sorted(p.stem for p in HERE.glob("test_*.py") if p.stem not in NEEDS_ORCHESTRATION)
    result = Report(prefix)
    unittest.defaultTestLoader.loadTestsFromNames(names).run(result)
    sys.exit(0 if result.wasSuccessful() else 1)


if __name__ == "__main__":
    main()
