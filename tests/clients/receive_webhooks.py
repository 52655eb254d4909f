"""A subscriber that verifies what it is told with the public reference library of Standard Webhooks.

It says its port, turns the first call away with 503 (so that it comes again under the same id), takes all others, and says of each what it
was. What does not verify is answered 400 and said. It ends after as many calls as it was asked for.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

secret, wanted = sys.argv[1], int(sys.argv[2])
webhook = Webhook(secret)
calls = 0


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        global calls
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        calls += 1
        try:
            fact = webhook.verify(body, headers)
        except WebhookVerificationError as error:
            status, said = 400, f"forged {error}"
        else:
            fact = fact if isinstance(fact, dict) else json.loads(body)
            status = 503 if calls == 1 else 204
            said = f"{status} {headers['webhook-id']} {self.path} {fact['type']} {fact['data']['dossier']}"
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()
        print(said, flush=True)

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), Receiver)
print(server.server_port, flush=True)
while calls < wanted:
    server.handle_request()
