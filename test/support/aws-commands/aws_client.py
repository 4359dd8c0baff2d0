"""`aws`, run by the process of `aws_server.py`: passes it this process's arguments, environment, folder and streams."""

import json
import os
import socket
import sys

connection = socket.socket(socket.AF_UNIX)
connection.connect(os.environ.pop("AWS_SERVER_SOCKET"))
request = {"args": sys.argv[1:], "environment": dict(os.environ), "folder": os.getcwd()}
message = json.dumps(request).encode() + b"\n"
sent = socket.send_fds(connection, [message], [0, 1, 2])
connection.sendall(message[sent:])
sys.exit(int(connection.recv(16) or b"255"))
