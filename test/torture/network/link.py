"""A bad line between this network namespace and one of its own: two tun devices, and in between packets that are late or lost.

    link.py NEAR FAR LOSS DELAY_MILLIS SEED

NEAR and FAR are addresses of the two ends. Prints `ready` when both are up; the namespace of FAR is this process' own: whoever is to be there
is started with `nsenter --net=/proc/PID/ns/net`. Ends with its stdin. Each packet is lost with the probability LOSS and late by DELAY_MILLIS,
in each direction. Where the kernel has netem that does it (`tc qdisc`), else this process; `by` says which.
"""

import ctypes
import fcntl
import heapq
import os
import random
import select
import struct
import subprocess
import sys
import time

TUNSETIFF = 0x400454CA
IFF_TUN_WITHOUT_HEADER = 0x0001 | 0x1000
CLONE_NEWNET = 0x40000000
# As many packets as netem holds; more are lost.
LATE_PACKETS_MAX = 1000
PACKET_BYTES_MAX = 65536

near, far, loss, delay_millis = sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4])
chance = random.Random(int(sys.argv[5]))


def run(*words):
    return subprocess.run(words, stderr=subprocess.DEVNULL).returncode == 0


def open_end(own, peer):
    """A tun device with both addresses; whether the kernel makes it bad itself."""
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    name = f"errand{os.getpid()}"[:15]
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN_WITHOUT_HEADER))
    if not (run("ip", "addr", "add", own, "peer", peer, "dev", name) and run("ip", "link", "set", name, "up")):
        sys.exit(f"{name} cannot be set up with {own}")
    netem = ["tc", "qdisc", "add", "dev", name, "root", "netem"]
    return fd, run(*netem, "delay", f"{delay_millis}ms", "loss", f"{loss * 100}%")


near_end, near_netem = open_end(near, far)
if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) != 0:
    sys.exit(f"no network namespace: {os.strerror(ctypes.get_errno())}")
run("ip", "link", "set", "lo", "up")
far_end, far_netem = open_end(far, near)
by_kernel = near_netem and far_netem
print(f"ready: by {'netem' if by_kernel else 'this process, as the kernel has no netem'}", flush=True)

other = {near_end: far_end, far_end: near_end}
late = []
count = 0
passed = 0
lost = 0
while True:
    timeout = max(0, late[0][0] - time.monotonic()) if late else None
    readable, _, _ = select.select([near_end, far_end, 0], [], [], timeout)
    now = time.monotonic()
    if 0 in readable and not os.read(0, 1):
        break
    for end in readable:
        if end == 0:
            continue
        packet = os.read(end, PACKET_BYTES_MAX)
        passed += 1
        if by_kernel:
            os.write(other[end], packet)
        elif chance.random() < loss or len(late) >= LATE_PACKETS_MAX:
            lost += 1
        else:
            count += 1
            heapq.heappush(late, (now + delay_millis / 1000, count, other[end], packet))
    while late and late[0][0] <= now:
        _, _, end, packet = heapq.heappop(late)
        os.write(end, packet)
print(f"packets: {passed}, lost here: {lost}", flush=True)
