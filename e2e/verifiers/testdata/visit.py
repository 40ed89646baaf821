"""Visits https://HOST:PORT/ on loopback, strictly: HOST PORT ROOT [CERT KEY]."""
import socket
import ssl
import sys

host, port, root, *identity = sys.argv[1:]
context = ssl.create_default_context(cafile=root)
context.verify_flags |= ssl.VERIFY_X509_STRICT
if identity:
    context.load_cert_chain(*identity)
with socket.create_connection(("127.0.0.1", int(port)), timeout=60) as plain:
    with context.wrap_socket(plain, server_hostname=host) as tls:
        tls.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        print(tls.recv(4096).decode())
