"""A plugin of the AWS CLI that makes it answer many commands from one process.

The CLI spends half a second of CPU on its imports. With AWS_SERVER_SOCKET it loads them once, listens there, and runs each
command that `aws_client.py` passes to it in a fork, with the arguments, environment, folder and streams of the caller.
"""

import json
import os
import signal
import socket
import sys


def awscli_initialize(cli):
    place = os.environ.pop("AWS_SERVER_SOCKET", None)
    if place is None:
        return
    # Loads what a command needs, without a call to a service.
    silently(["dynamodb", "list-tables", "--generate-cli-skeleton"])
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(place)
    listener.listen(64)
    print("listening", flush=True)
    serve(listener)


def silently(args):
    kept = os.dup(1)
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    run(args)
    sys.stdout.flush()
    os.dup2(kept, 1)
    os.close(kept)
    os.close(nothing)


def run(args):
    from awscli import clidriver

    sys.argv[1:] = args
    return clidriver.main()


def serve(listener):
    # The kernel forgets forks that end.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        connection, _ = listener.accept()
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            listener.close()
            answer(connection)
            os._exit(0)
        connection.close()


def answer(connection):
    message, streams, _, _ = socket.recv_fds(connection, 1 << 20, 3)
    while not message.endswith(b"\n"):
        message += connection.recv(1 << 20)
    request = json.loads(message)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    os.chdir(request["folder"])
    # The CLI says there where its own data is.
    own = os.environ["AWS_DATA_PATH"]
    os.environ.clear()
    os.environ.update({"AWS_DATA_PATH": own, **request["environment"]})
    status = 255
    try:
        status = run(request["args"])
    except SystemExit as ended:
        status = ended.code
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        connection.sendall(str(status or 0).encode())
