"""Records a participant's traffic; mitmdump loads this file (`--scripts`), `engine.ts` starts mitmdump.

Emits the events that `recorder.ts` emits, as frames (`frames.ts`) on file descriptor 3, and follows the protocol of
`process.ts`. Writes block: a parent that reads slowly slows down the traffic itself instead of filling memory, and what was
seen is handed over even if this process dies the next moment. No message is kept: bodies are streamed, and messages of
WebSockets and tunnels are dropped from mitmproxy's memory once they are recorded.

Works with mitmproxy 8.1.1 and 12; where they differ, a comment says so.
"""

import asyncio
import base64
import hashlib
import ipaddress
import json
import os
import shutil
import signal
import socket
import struct

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from mitmproxy import certs, ctx, http, version
from mitmproxy.proxy import layers
from mitmproxy.proxy.layers import modes
from mitmproxy.proxy.layers.http._http_h2 import BufferedH2Connection
from OpenSSL import SSL

FRAMES = 3
NO_BODY = 0xFFFF_FFFF
# Of faults survived, this many are told of.
MISHAPS = 3
# Seconds in which hooks that are under way when the proxy is stopped have their say.
LAST_HOOKS = 0.05
# A refused request's body is read into memory up to this many bytes; with more, or an unknown size, the connection is cut.
MOST_REFUSED = 1 << 20
# The folder that is removed at the end is ours: it has this name.
FOLDER = "keywitness-mitmproxy-"


def widen_http2():
    """What newer mitmproxy does by itself: its HTTP/2 connections let the other side send as much as it likes.

    mitmproxy 8 leaves the windows of flow control (RFC 9113 section 5.2) at 64 KB. While one large answer fills the
    connection's, Node's server ends others beside it before all is sent (RST_STREAM, NO_ERROR, without END_STREAM).
    """
    widest = 2**31 - 1
    initiate = BufferedH2Connection.initiate_connection

    def initiate_widely(self):
        self.local_settings.initial_window_size = widest
        # Else it announces the old settings.
        self.local_settings.acknowledge()
        initiate(self)
        self.increment_flow_control_window(widest - self.inbound_flow_control_window)

    BufferedH2Connection.initiate_connection = initiate_widely


if "initiate_connection" not in vars(BufferedH2Connection):
    widen_http2()


def leave(code):
    """Ends the process at once; what is left of the CA goes with it."""
    folder = ctx.options.confdir
    if os.path.basename(folder).startswith(FOLDER):
        shutil.rmtree(folder, ignore_errors=True)
    os._exit(code)


def write(value, body=None):
    """Hands over one frame; returns once all of it is in the pipe."""
    text = json.dumps(value).encode()
    head = struct.pack(">II", len(text), NO_BODY if body is None else len(body))
    rest = memoryview(b"".join([head, text, body or b""]))
    try:
        while rest:
            rest = rest[os.write(FRAMES, rest) :]
    except OSError:
        # The parent is gone.
        leave(1)


class Reach:
    """What the run may reach, as in `reach.ts`, and how names are resolved, as in `upstream.ts`."""

    def __init__(self, reach, hosts):
        self.anywhere = reach == "anywhere"
        self.hosts = hosts
        self.getaddrinfo = socket.getaddrinfo

    @staticmethod
    def normal(host):
        """A host in one form: lower case, no brackets, no final dot."""
        host = host.lower()
        if host.startswith("[") and host.endswith("]"):
            host = host[1:-1]
        return host[:-1] if host.endswith(".") else host

    @staticmethod
    def address(name):
        """The address that a host is, if it is one; short forms such as 127.1 are none."""
        try:
            return ipaddress.ip_address(name)
        except ValueError:
            return None

    def own(self, name):
        """The addresses of a name that is resolved here, without DNS: of the run, or local (RFC 6761 section 6.3)."""
        if name in self.hosts:
            return [self.hosts[name]]
        if name == "localhost" or name.endswith(".localhost"):
            return ["127.0.0.1", "::1"]
        return None

    def allows(self, host):
        name = self.normal(host)
        address = self.address(name)
        if self.anywhere or self.own(name):
            return True
        # ::1 is the only loopback address of IPv6 (RFC 4291 section 2.5.3); ::ffff:127.0.0.1 is not taken for one.
        return address is not None and address.is_loopback and getattr(address, "ipv4_mapped", None) is None

    def lookup(self, host, port, family=0, type=0, proto=0, flags=0):
        """In place of socket.getaddrinfo, which asyncio asks for each name."""
        name = self.normal(host) if isinstance(host, str) else ""
        own = self.own(name)
        if own:
            flags |= socket.AI_NUMERICHOST
            return [found for each in own for found in self.getaddrinfo(each, port, 0, type, proto, flags)]
        if self.anywhere or self.address(name):
            return self.getaddrinfo(host, port, family, type, proto, flags)
        raise socket.gaierror(socket.EAI_NONAME, f"{host} is out of reach")


class Exchange:
    """An exchange, tunnel or WebSocket that is under way."""

    def __init__(self, name, client):
        self.name = name
        # The connection that it came in by.
        self.client = client
        self.websocket = False
        # Bytes so far, and the directions whose body goes on.
        self.sizes = {"request": 0, "response": 0}
        self.open = {"request", "response"}


class Recorder:
    """The addon: mitmproxy calls its methods, each for the event that it is named after."""

    def __init__(self):
        self.participant = ""
        self.reach = Reach("loopback", {})
        self.port = 0
        self.events = 0
        self.count = 0
        self.mishaps = []
        self.input = b""
        # By flow.
        self.exchanges = {}
        # The certificate of a server that is not trusted, by connection.
        self.untrusted = {}

    # --- the process

    def load(self, _):
        # An interrupt at the terminal is for the parent, which decides when this process ends.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        os.set_blocking(FRAMES, True)
        while b"\n" not in self.input:
            piece = os.read(0, 65536)
            if not piece:
                leave(1)
            self.input += piece
        line, _, self.input = self.input.partition(b"\n")
        told = json.loads(line)
        [self.participant] = told["participants"]
        self.reach = Reach(told["reach"], told["hosts"])
        socket.getaddrinfo = self.reach.lookup
        asyncio.get_running_loop().add_reader(0, self.answer)

    def running(self):
        # mitmproxy reads its CA once more when its own addons hear that it runs, some of them after this one. Only then is
        # it ready: from now on the CA's files may go.
        asyncio.get_running_loop().call_soon(self.ready)

    def ready(self):
        server = ctx.master.addons.get("proxyserver")
        # mitmproxy 8 has one server and no listen_addrs.
        if hasattr(server, "listen_addrs"):
            addresses = server.listen_addrs()
        else:
            addresses = [each.getsockname() for each in server.tcp_server.sockets] if server.tcp_server else []
        if not addresses:
            write({"control": "failed", "reason": "mitmproxy does not listen"})
            leave(1)
        self.port = addresses[0][1]
        ports = {self.participant: self.port}
        write({"control": "ready", "ports": ports, "spki": self.spki(), "version": version.VERSION})

    @staticmethod
    def spki():
        """Base64 SHA-256 of the SubjectPublicKeyInfo of the CA that this process signs with."""
        ca = ctx.master.addons.get("tlsconfig").certstore.default_ca
        key = x509.load_pem_x509_certificate(ca.to_pem()).public_key()
        info = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        return base64.b64encode(hashlib.sha256(info).digest()).decode()

    def answer(self):
        """Answers each line of stdin; ends when stdin does, so also when the parent is killed."""
        piece = os.read(0, 65536)
        if not piece:
            asyncio.get_running_loop().remove_reader(0)
            self.ending = asyncio.ensure_future(self.end())
            return
        self.input += piece
        while b"\n" in self.input:
            _, _, self.input = self.input.partition(b"\n")
            write({"control": "health", "events": self.events, "count": self.count, "mishaps": self.mishaps})

    async def end(self):
        await asyncio.sleep(LAST_HOOKS)
        for flow in list(self.exchanges):
            self.cut(flow, "the proxy was stopped")
        write({"control": "ended", "events": self.events})
        leave(0)

    def add_log(self, entry):
        """What mitmproxy calls an error is a fault within: in this file, or in itself."""
        if entry.level != "error":
            return
        self.count += 1
        reason = entry.msg.strip().split("\n")[-1][:300]
        self.mishaps = [*self.mishaps, reason][-MISHAPS:]
        exchange = f"{self.participant}-mishap-{self.count}"
        self.emit("http.aborted", exchange=exchange, reason=f"in the proxy: {reason}")
        if "Addon error" in entry.msg or __file__ in entry.msg:
            self.lose(f"an event was not recorded: {reason}")

    def lose(self, reason):
        """Something crossed that is not in the recording."""
        self.emit("vantage.lost", reason=reason)

    # --- events of the recording

    def emit(self, kind, body=None, **fields):
        self.events += 1
        write({"participant": self.participant, "vantage": "proxy", "type": kind, **fields}, body)

    def begin(self, flow, **fields):
        self.named = getattr(self, "named", 0) + 1
        exchange = Exchange(f"{self.participant}-{self.named}", flow.client_conn.id)
        self.exchanges[flow.id] = exchange
        self.emit("http.request", exchange=exchange.name, **fields)
        return exchange

    def piece(self, flow, of, body, last):
        """A body of no bytes has no piece. The exchange is over with the last piece of both its directions."""
        exchange = self.exchanges.get(flow.id)
        if exchange is None or of not in exchange.open:
            return
        exchange.sizes[of] += len(body)
        if body or (last and exchange.sizes[of]):
            self.emit("http.body", body, exchange=exchange.name, of=of, last=last)
        if last:
            exchange.open.remove(of)
            if not exchange.open and not exchange.websocket:
                del self.exchanges[flow.id]

    def tap(self, flow, of):
        """Records a body while it streams by. An empty piece does not mean its end: HTTP/2 has empty DATA frames."""

        def passing(body):
            self.piece(flow, of, body, False)
            return body

        return passing

    def cut(self, flow_id, reason):
        exchange = self.exchanges.pop(flow_id, None)
        if exchange is None:
            return
        if exchange.websocket:
            # RFC 6455 section 7.1.5: closed without a close frame.
            self.emit("ws.closed", socket=exchange.name, code=1006, reason=reason)
        else:
            self.emit("http.aborted", exchange=exchange.name, reason=reason)

    def refuse(self, host, url):
        self.emit("http.refused", url=url, reason=f"{host} is out of this run's reach")

    # --- HTTP

    def requestheaders(self, flow):
        request = flow.request
        url = request.pretty_url
        if request.headers.get("upgrade", "").lower() == "websocket":
            url = "ws" + url[len("http") :]
        if not self.reach.allows(request.host):
            self.refuse(request.host, url)
            length = request.headers.get("content-length") or ("" if "transfer-encoding" in request.headers else "0")
            if length.isdecimal() and int(length) <= MOST_REFUSED:
                flow.response = http.Response.make(403)
            else:
                flow.kill()
            return
        head = {"method": request.method, "url": url, "version": number(request), "headers": fields(request)}
        self.begin(flow, **head)
        # mitmproxy 8 sends the headers of a streamed request without END_STREAM even where no body follows, after which
        # servers that read no body of a GET cut answers off. So only what has a body is streamed.
        if has_body(request):
            request.stream = self.tap(flow, "request")

    def request(self, flow):
        self.piece(flow, "request", flow.request.raw_content or b"", True)

    def responseheaders(self, flow):
        exchange = self.exchanges.get(flow.id)
        if exchange is None:
            return
        response = flow.response
        head = {"status": response.status_code, "version": number(response), "headers": fields(response)}
        self.emit("http.response", exchange=exchange.name, **head)
        if response.status_code not in (101, 204, 304) and flow.request.method != "HEAD":
            response.stream = self.tap(flow, "response")

    def response(self, flow):
        exchange = self.exchanges.get(flow.id)
        if exchange is None:
            return
        exchange.websocket = flow.websocket is not None
        self.piece(flow, "response", flow.response.raw_content or b"", True)

    def error(self, flow):
        self.cut(flow.id, flow.error.msg)
        # What the participant gets is what came from the server, or a broken connection; never words of the proxy.
        if flow.response is None and flow.killable:
            flow.kill()

    def client_disconnected(self, client):
        for flow in [flow for flow, exchange in self.exchanges.items() if exchange.client == client.id]:
            self.cut(flow, "the participant closed the connection")

    # --- WebSockets

    def websocket_start(self, flow):
        exchange = self.exchanges.get(flow.id)
        if exchange:
            url = "ws" + flow.request.pretty_url[len("http") :]
            self.emit("ws.opened", socket=exchange.name, url=url, headers=fields(flow.request))

    def websocket_message(self, flow):
        message = flow.websocket.messages[-1]
        exchange = self.exchanges.get(flow.id)
        if exchange:
            direction = "send" if message.from_client else "receive"
            head = {"socket": exchange.name, "direction": direction, "binary": not message.is_text}
            self.emit("ws.message", message.content, **head)
        else:
            self.lose("a WebSocket message came after its connection was over")
        flow.websocket.messages.clear()

    def websocket_end(self, flow):
        exchange = self.exchanges.get(flow.id)
        code = flow.websocket.close_code
        if exchange is None:
            return
        if code == 1006:
            return self.cut(flow.id, "the connection was lost")
        del self.exchanges[flow.id]
        # 1005 stands for a close frame without a code (RFC 6455 section 7.1.5).
        head = {} if code in (None, 1005) else {"code": code}
        reason = flow.websocket.close_reason
        self.emit("ws.closed", socket=exchange.name, **head, **({"reason": reason} if reason else {}))

    # --- tunnels that carry neither HTTP nor TLS

    def next_layer(self, layer):
        context = layer.context
        beginning = layer.data_client()
        if len(context.layers) == 1 and isinstance(context.layers[0], modes.HttpProxy):
            # mitmproxy takes SOCKS only at a port of its own. RFC 1928 section 3: it begins with 5.
            if beginning[:1] == b"\x05":
                layer.layer = modes.Socks5Proxy(context)
        # mitmproxy 8 takes SSH for HTTP, and later ones take all that goes to these ports for DNS, TURN too.
        elif beginning[:4] == b"SSH-" or (
            context.server.address
            and context.server.address[1] in (53, 5353)
            and len(beginning) >= 3
            and beginning[0] != 0x16
            and not beginning[:3].isalpha()
        ):
            layer.layer = layers.TCPLayer(context)

    def tcp_start(self, flow):
        host, port = flow.server_conn.address[:2]
        url = f"tcp://{f'[{host}]' if ':' in host else host}:{port}"
        if self.reach.allows(host):
            self.begin(flow, method="CONNECT", url=url, version="1.1", headers=[])
        else:
            self.refuse(host, url)

    def tcp_message(self, flow):
        message = flow.messages[-1]
        self.piece(flow, "request" if message.from_client else "response", message.content, False)
        flow.messages.clear()

    def tcp_end(self, flow):
        self.piece(flow, "request", b"", True)
        self.piece(flow, "response", b"", True)

    def tcp_error(self, flow):
        self.cut(flow.id, flow.error.msg)

    # --- connections

    def server_connect(self, data):
        host, port = data.server.address[:2]
        if not self.reach.allows(host):
            data.server.error = f"{host} is out of reach"
        elif port == self.port and self.reach.normal(host) in ("localhost", "127.0.0.1", "::1"):
            data.server.error = "this is the proxy itself"

    def server_connected(self, data):
        if not data.server.tls:
            self.emit("tcp.peer", **peer(data.server))

    def tls_start_server(self, data):
        # mitmproxy's own addon comes later and leaves a connection that is there as it is.
        ctx.master.addons.get("tlsconfig").tls_start_server(data)

        def verified(_, certificate, error, depth, ok):
            """Sees each certificate that is verified; the judgement stays OpenSSL's."""
            if not ok:
                self.untrusted[data.conn.id] = certs.Cert.from_pyopenssl(certificate) if depth == 0 else None
            return bool(ok)

        data.ssl_conn.set_verify(SSL.VERIFY_PEER, verified)

    def tls_established_server(self, data):
        self.handshake(data, True, data.conn.certificate_list[0] if data.conn.certificate_list else None)

    def tls_failed_server(self, data):
        # A handshake that failed for another reason has no peer to tell of.
        if data.conn.id in self.untrusted:
            self.handshake(data, False, self.untrusted.pop(data.conn.id))

    def handshake(self, data, authorized, certificate):
        head = {
            "protocol": data.ssl_conn.get_protocol_version_name(),
            "cipher": data.ssl_conn.get_cipher_name() or "",
            "authorized": authorized,
        }
        alpn = data.ssl_conn.get_alpn_proto_negotiated()
        if alpn:
            head["alpn"] = alpn.decode("latin-1")
        if certificate:
            head["certificate"] = {
                "subject": name(certificate.subject),
                "issuer": name(certificate.issuer),
                "sha256": certificate.fingerprint().hex(),
                "validTo": certificate.notafter.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
            }
        self.emit("tls.peer", **peer(data.conn), **head)

    def tls_failed_client(self, data):
        address = data.context.server.address
        host = data.conn.sni or (address[0] if address else "")
        self.emit("tls.refused", host=host, reason=data.conn.error or "the handshake failed")


def fields(message):
    """Headers as they crossed, in order; bytes are read as Node reads them."""
    return [[key.decode("latin-1"), value.decode("latin-1")] for key, value in message.headers.fields]


def number(message):
    """1.1, 2.0."""
    return message.http_version.partition("/")[2]


def has_body(request):
    if "content-length" in request.headers:
        return request.headers["content-length"] != "0"
    return "transfer-encoding" in request.headers or request.method not in ("GET", "HEAD", "OPTIONS")


def peer(server):
    host, port = server.address[:2]
    return {"host": host, "port": port, "address": server.peername[0] if server.peername else ""}


def name(pairs):
    return ", ".join(f"{key}={value}" for key, value in pairs)


addons = [Recorder()]
