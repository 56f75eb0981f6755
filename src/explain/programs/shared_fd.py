import os
import socket

ours, server = socket.socketpair()
pid = os.fork()
ours.sendall(b"request of the child" if pid == 0 else b"request of the parent")
# Both read one stream: each may get the answer to the other's request.
