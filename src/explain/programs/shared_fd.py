import os
import socket

server = socket.create_server(("localhost", 0))
connection = socket.create_connection(server.getsockname())
if os.fork() == 0:
    connection.sendall(b"QUIT\n")  # the parent's connection ends
    os._exit(0)
os.wait()
connection.sendall(b"SELECT 1\n")
