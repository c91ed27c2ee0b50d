#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# PACKAGES: python3
# Debian's python3 and its standard library: threads, processes, sockets, files, signals.
cat >t.py <<'END'
import asyncio, collections, concurrent.futures, ctypes, decimal, hashlib, io, json, mmap, os, pathlib
import queue, random, re, select, shutil, signal, socket, sqlite3, struct, subprocess, sys, tempfile
import threading, time, zlib

print(sys.version_info[:3], sys.byteorder, sys.maxsize)
print(hashlib.sha256(b"banos").hexdigest(), zlib.crc32(b"banos"), json.dumps({"a": [1, 2.5, None]}))
print(sum(i * i for i in range(100000)), decimal.Decimal(1) / 7, 2 ** 200 % 1000007)

total, lock = 0, threading.Lock()
def add():
    global total
    for _ in range(2000):
        with lock:
            total += 1
threads = [threading.Thread(target=add) for _ in range(8)]
for t in threads: t.start()
for t in threads: t.join()
print("threads", total)

q, done = queue.Queue(5), []
def consume():
    while (item := q.get()) is not None:
        done.append(item)
consumer = threading.Thread(target=consume); consumer.start()
for i in range(200): q.put(i)
q.put(None); consumer.join(); print("queue", sum(done))
with concurrent.futures.ThreadPoolExecutor(4) as pool:
    print("pool", list(pool.map(lambda n: n * n, range(8))))
event = threading.Event(); print("event", event.wait(0.02)); event.set(); print(event.wait(1))
local = threading.local(); local.x = 1; print(hasattr(local, "x"))

r = subprocess.run(["sh", "-c", "echo out; echo err >&2; exit 3"], capture_output=True, text=True)
print("run", r.returncode, repr(r.stdout), repr(r.stderr))
p = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
print("cat", len(p.communicate(b"x" * 300000)[0]), p.returncode)
try: subprocess.run(["sleep", "5"], timeout=0.1)
except subprocess.TimeoutExpired: print("timed out")
try: subprocess.run(["/nonexistent/x"])
except FileNotFoundError as e: print(e.strerror)
pid = os.fork()
if pid == 0: os._exit(11)
print("fork", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
signal.signal(signal.SIGALRM, lambda s, f: print("alarm", s)); signal.setitimer(signal.ITIMER_REAL, 0.02); time.sleep(0.2)

a, b = socket.socketpair(); a.sendall(b"hello"); print("pair", b.recv(10)); a.close(); print(b.recv(10)); b.close()
server = socket.socket(socket.AF_UNIX); server.bind("s"); server.listen()
def serve():
    c, _ = server.accept()
    with c: c.sendall(c.recv(100).upper())
t = threading.Thread(target=serve); t.start()
client = socket.socket(socket.AF_UNIX); client.connect("s"); client.sendall(b"over the socket"); print(client.recv(100)); t.join(); client.close(); server.close()

async def worker(n):
    await asyncio.sleep(0.001 * (5 - n)); return n
async def main():
    print("gather", await asyncio.gather(*(worker(n) for n in range(5))))
    proc = await asyncio.create_subprocess_exec("echo", "async", stdout=asyncio.subprocess.PIPE)
    print((await proc.communicate())[0])
    reader, writer = await asyncio.open_unix_connection(path="u") if False else (None, None)
    loop = asyncio.get_running_loop(); print(await loop.run_in_executor(None, lambda: 6 * 7))
asyncio.run(main())

db = sqlite3.connect("db"); db.execute("create table t(a, b)")
with db: db.executemany("insert into t values(?, ?)", [(i, str(i)) for i in range(500)])
print("sqlite", db.execute("select sum(a), max(length(b)) from t").fetchone()); db.close()

with tempfile.TemporaryDirectory(dir=".") as d:
    path = pathlib.Path(d) / "f"; path.write_text("text\n" * 10); print(path.stat().st_size, len(path.read_text().split()))
    shutil.copytree(d, "copy"); print(sorted(os.listdir("copy"))); shutil.rmtree("copy")
with open("m", "w+b") as f:
    f.truncate(8192)
    with mmap.mmap(f.fileno(), 8192) as m:
        m[4096:4101] = b"mapped"[:5]; m.flush(); f.seek(4096); print(f.read(5))
libc = ctypes.CDLL(None); print("ctypes", libc.abs(-5), ctypes.sizeof(ctypes.c_long))
ep = select.epoll(); r, w = os.pipe(); ep.register(r, select.EPOLLIN); print(ep.poll(0)); os.write(w, b"x"); print([e for _, e in ep.poll(1)])
random.seed(1); print(random.randint(0, 10 ** 9)); print(re.sub(r"(\d+)", lambda m: str(int(m[1]) * 2), "a1b22"))
print(struct.pack("<IhQ", 1, -2, 3).hex(), collections.Counter("mississippi").most_common(2), os.cpu_count() > 0)
print(os.get_terminal_size if False else "no terminal", os.isatty(0), len(os.urandom(8)), os.getcwd() == os.path.realpath("."))
sys.exit(6)
END
python3 t.py; echo "exit $?"
python3 -c 'raise ValueError("x")' 2>&1 | tail -1
cat >mp.py <<'END'
import multiprocessing as mp
def square(n): return n * n
if __name__ == "__main__":
    with mp.Pool(2) as pool: print(pool.map(square, range(10)))
    q = mp.Queue(); p = mp.Process(target=q.put, args=("from a process",)); p.start(); print(q.get()); p.join(); print(p.exitcode)
    v = mp.Value("i", 0)
    def add(v):
        for _ in range(100):
            with v.get_lock(): v.value += 1
    ps = [mp.Process(target=add, args=(v,)) for _ in range(3)]
    for p in ps: p.start()
    for p in ps: p.join()
    print(v.value)
END
python3 mp.py; echo "exit $?"
