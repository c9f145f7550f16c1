# SPDX-License-Identifier: MIT
"""redis.py FILE LIBRARY REQUESTS: a Redis server with the library preloaded ("": none), under redis-benchmark, which is not.

As bench/kernels/measure, writes to the file: elapsed ns of redis-benchmark, user and system time of the server in us together, and its peak
KiB after the benchmark.  Prints what is the same in every run: the requests served, and, of a fixed data set afterwards, the digest.  The
server, its socket and its log are in the working directory; "./redis-server" is there.
"""

import os
import re
import subprocess
import sys
import time

SOCKET = "redis.sock"
TESTS = "set,get,incr,lpush,rpush,lpop,sadd,hset,spop,zadd,zpopmin,mset"
SERVED = TESTS.split(",")
BENCHMARK = ["redis-benchmark", "-s", SOCKET, "-q", "-c", "20", "-P", "16", "-r", "20000", "-d", "200", "-t", TESTS, "-n"]
VALUES = """
local values, list = {}, {}
for _, key in ipairs (redis.call ('keys', 'key:*')) do
  values[redis.sha1hex (redis.call ('get', key))] = true
end
for value in pairs (values) do list[#list + 1] = value end
table.sort (list)
return list
"""


def fail(message):
    """A line on standard error; what runs is stopped on the way out."""
    sys.exit(f"redis.py: {message}")


def client(*words, text=None):
    """The answer of redis-cli."""
    command = ["redis-cli", "-s", SOCKET, *words]
    return subprocess.run(command, input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False).stdout


def start(library):
    """The server, when it answers."""
    command = ["./redis-server", "--port", "0", "--unixsocket", SOCKET, "--save", "", "--appendonly", "no", "--activedefrag", "no",
               "--enable-debug-command", "local"]
    environment = dict(os.environ, LD_PRELOAD=library) if library else None
    with open("log", "wb") as log, open("said", "wb") as said:
        server = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=said)
    for _ in range(500):
        if client("ping") == "PONG\n":
            return server
        if server.poll() is not None:
            break
        time.sleep(0.02)
    server.kill()
    return fail("the server does not answer")


def peak_kib(server):
    """Of the server, up to now."""
    with open(f"/proc/{server.pid}/status", encoding="ascii") as status:
        return int(re.search(r"^VmHWM:\s+(\d+) kB$", status.read(), re.MULTILINE).group(1))


def benchmark(requests):
    """Elapsed ns."""
    before = time.monotonic_ns()
    done = subprocess.run(BENCHMARK + [requests], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    elapsed = time.monotonic_ns() - before
    if done.returncode != 0 or re.search(r"error", done.stdout, re.IGNORECASE):
        fail(f"redis-benchmark failed: {done.stdout[-2000:]}")
    return elapsed


def report_served():
    """How often each command was served and how often it failed; the lengths and the distinct values that it left."""
    statistics = client("info", "commandstats")
    for name in SERVED:
        calls, failed = re.search(rf"^cmdstat_{name}:calls=(\d+),.*failed_calls=(\d+)", statistics, re.MULTILINE).groups()
        print(name, calls, failed)
    print("list", client("llen", "mylist"), client("eval", VALUES, "0"))


def fixed_commands():
    """Keys of all kinds, changed several times, some dropped."""
    for n in range(1, 6001):
        key, value = n * 7919 % 1999, str(n) * (1 + n % 60)
        yield f"SET string:{key} {value}"
        yield f"APPEND string:{key * 3 % 1999} {value}"
        yield f"HSET hash:{key % 101} field{n % 331} {value}"
        yield f"RPUSH list:{key % 37} {value}"
        yield f"ZADD set:{key % 23} {n % 1700} member{n % 1009}"
        if n % 3 == 0:
            yield f"DEL string:{(key + 17) % 1999}"


def report_fixed():
    """The digest of the whole data base."""
    client("flushall")
    client("--pipe", text="".join(command + "\r\n" for command in fixed_commands()))
    print(client("dbsize"), client("debug", "digest"))


def measure(path, server, requests):
    """The file and what is printed."""
    elapsed = benchmark(requests)
    peak = peak_kib(server)
    report_served()
    report_fixed()
    client("shutdown", "nosave")
    _, status, usage = os.wait4(server.pid, 0)
    server.returncode = os.waitstatus_to_exitcode(status)
    if server.returncode != 0:
        fail(f"the server ended with status {server.returncode}")
    with open("said", encoding="utf-8", errors="replace") as said:
        sys.stderr.write(said.read())
    with open(path, "w", encoding="ascii") as file:
        file.write(f"{elapsed} {(usage.ru_utime + usage.ru_stime) * 1e6:.0f} {peak}\n")


def main():
    """The server does not outlive this."""
    path, library, requests = sys.argv[1:]
    server = start(library)
    try:
        measure(path, server, requests)
    finally:
        if server.returncode is None:
            server.kill()
            server.wait()


main()
