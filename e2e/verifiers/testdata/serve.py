"""Serves one visitor that has an identity of ROOT: CERT KEY ROOT. Prints its
port first, and then who came."""
import socket
import ssl
import sys

cert, key, root = sys.argv[1:]
context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=root)
context.verify_flags |= ssl.VERIFY_X509_STRICT
context.verify_mode = ssl.CERT_REQUIRED
context.load_cert_chain(cert, key)
with socket.create_server(("127.0.0.1", 0)) as listener:
    listener.settimeout(60)
    print(listener.getsockname()[1], flush=True)
    plain, _ = listener.accept()
    plain.settimeout(60)
    with context.wrap_socket(plain, server_side=True) as tls:
        tls.recv(4096)
        tls.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nhello\n")
        print(tls.getpeercert()["subject"][0][0][1])
