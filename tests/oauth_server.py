"""An OAuth 2.0 authorization server: Authlib's, over real HTTPS on loopback.

What is a valid request, who is a client, which error is answered and what a token looks like is Authlib's to say, other
people's code in another language; here are only the clients, the tokens that were given out, and a tap to break it.
"""

from __future__ import annotations

import ssl
import threading
from dataclasses import dataclass, field
from typing import Any

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import ClientMixin, grants
from flask import Flask, Response, request
from werkzeug.serving import WSGIRequestHandler, make_server

from ca import Certificate
from receiver import Arrival

LIFE_SECONDS = 3600


@dataclass
class Client(ClientMixin):
    """A client of the server."""

    id: str
    secret: str
    scope: str = ""
    """What it may ask for."""
    method: str = "client_secret_basic"
    """How it must prove itself."""

    def get_client_id(self) -> str:
        return self.id

    def get_allowed_scope(self, scope: str | None) -> str:
        return " ".join(one for one in (scope or "").split() if one in self.scope.split())

    def check_client_secret(self, client_secret: str) -> bool:
        return self.secret == client_secret

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method == self.method and endpoint == "token"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "client_credentials"


class _ClientCredentials(grants.ClientCredentialsGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = ["client_secret_basic", "client_secret_post"]


@dataclass
class OAuthServer:
    """The server on a free port of 127.0.0.1. A context manager."""

    certificate: Certificate
    clients: dict[str, Client] = field(default_factory=dict)
    tokens: dict[str, Client] = field(default_factory=dict)
    """The tokens in force, and whose they are."""
    issued: list[str] = field(default_factory=list)
    """Every token given out."""
    forms: list[dict[str, str]] = field(default_factory=list)
    """What each request for a token said in its body."""
    answers: list[int] = field(default_factory=list)
    """The status that each was answered with."""
    down: bool = False
    """Whether it answers 503 to everything."""

    def __enter__(self) -> OAuthServer:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate.chain, self.certificate.key)
        self._server = make_server(
            "127.0.0.1", 0, self._app(), threaded=True, request_handler=_Silent, ssl_context=context
        )
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        """Its token endpoint."""
        return f"https://localhost:{self._server.port}/token"

    def client(self, id: str, secret: str, **more: Any) -> Client:
        """Registers a client, or changes one."""
        self.clients[id] = Client(id, secret, **more)
        return self.clients[id]

    def revoke_all(self) -> None:
        """Takes every token back before its time."""
        self.tokens.clear()

    def accepts(self, arrival: Arrival) -> bool:
        """Whether a request that arrived at a receiver has a token in force."""
        scheme, _, token = arrival.headers.get("authorization", "").partition(" ")
        return scheme == "Bearer" and token in self.tokens

    def protected(self, arrival: Arrival) -> tuple[int, bytes]:
        """How a receiver answers that wants this server's tokens."""
        if self.accepts(arrival):
            return 204, b""
        return 401, b"not a token in force: " + arrival.headers.get("authorization", "none").encode()

    def _save(self, token: dict[str, Any], granted: Any) -> None:
        self.issued.append(token["access_token"])
        self.tokens[token["access_token"]] = granted.client

    def _app(self) -> Flask:
        app = Flask("oauth")
        app.config["OAUTH2_TOKEN_EXPIRES_IN"] = {"client_credentials": LIFE_SECONDS}
        server = AuthorizationServer(app, query_client=self.clients.get, save_token=self._save)
        server.register_grant(_ClientCredentials)

        @app.post("/token")
        def token() -> Response:
            self.forms.append(request.form.to_dict())
            answer = Response("overloaded", 503) if self.down else server.create_token_response()
            self.answers.append(answer.status_code)
            return answer

        return app


class _Silent(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:
        pass
