#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause
"""One JSON-RPC 2.0 call over a UNIX socket, for scenarios in a guest.

    rpc.py SOCKET METHOD [PARAMETERS AS JSON]

Prints the result as JSON and ends with 0; an error answer goes to stderr and ends
with 1, a socket that nobody serves with 2. Needs nothing beyond Python itself.
"""

import json
import socket
import sys

# much: on the instruction clock a minute is over while the machine reads a file for the
# guest, and the runner's own limit ends what hangs
SECONDS = 600


def call(path, method, params):
    """The decoded answer to one request."""
    request = {"jsonrpc": "2.0", "id": 1, "method": method}
    if params is not None:
        request["params"] = params
    decoder = json.JSONDecoder()
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(SECONDS)
        s.connect(path)
        s.sendall(json.dumps(request).encode())
        data = ""
        while True:
            part = s.recv(65536)
            if not part:
                raise ConnectionError(f"closed after {len(data)} bytes of an answer")
            data += part.decode()
            try:
                return decoder.raw_decode(data.lstrip())[0]
            except json.JSONDecodeError:
                continue


def main():
    path, method = sys.argv[1:3]
    params = json.loads(sys.argv[3]) if len(sys.argv) > 3 else None
    try:
        answer = call(path, method, params)
    except OSError as e:
        print(f"rpc.py: {path}: {method}: {e}", file=sys.stderr)
        return 2
    if "error" in answer:
        print(json.dumps(answer["error"]), file=sys.stderr)
        return 1
    print(json.dumps(answer.get("result"), indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
