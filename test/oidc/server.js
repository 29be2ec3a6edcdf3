// A real OpenID provider on a loopback port, for tests: client credentials in, JWT access tokens
// out. Prints one line of JSON that says where it listens and which clients it knows, then serves
// until SIGTERM or SIGINT.
//
//   node server.js [--port N] [--audience URI]
//
// Tokens are signed with RS256 by a key made at this start; two instances are two issuers that know
// nothing of each other.

import { generateKeyPairSync, randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { parseArgs } from "node:util";
import Provider from "oidc-provider";

const { values: args } = parseArgs({
  options: {
    port: { type: "string", default: "0" }, // 0 lets the system choose
    audience: { type: "string", default: "https://lake.example/api" },
  },
});

const hour = 3600; // seconds

// What distinguishes the clients: the audience of their tokens, how long these live (in seconds)
// and the email they carry.
const clients = {
  service: { audience: args.audience, ttl: hour, email: "service@example.com" },
  admin: { audience: args.audience, ttl: hour, email: "admin@example.com" },
  "short-lived": { audience: args.audience, ttl: 1, email: "brief@example.com" },
  elsewhere: { audience: "https://elsewhere.example/api", ttl: hour, email: "other@example.com" },
};
for (const client of Object.values(clients)) {
  client.secret = randomBytes(24).toString("base64url");
}

const server = createServer();
await new Promise((resolve, reject) => {
  server.once("error", reject);
  server.listen(Number(args.port), "127.0.0.1", resolve);
});
const issuer = `http://127.0.0.1:${server.address().port}`;

const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const signingKey = {
  ...privateKey.export({ format: "jwk" }),
  kid: randomBytes(8).toString("hex"),
  alg: "RS256",
  use: "sig",
};

const provider = new Provider(issuer, {
  clients: Object.entries(clients).map(([id, client]) => ({
    client_id: id,
    client_secret: client.secret,
    grant_types: ["client_credentials"],
    response_types: [],
    redirect_uris: [],
    token_endpoint_auth_method: "client_secret_post",
  })),
  jwks: { keys: [signingKey] },
  cookies: { keys: [randomBytes(16).toString("hex")] },
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      defaultResource: (_ctx, client) => clients[client.clientId].audience,
      useGrantedResource: () => true,
      getResourceServerInfo: (_ctx, resource, client) => ({
        scope: "",
        audience: resource,
        accessTokenFormat: "jwt",
        accessTokenTTL: clients[client.clientId].ttl,
        jwt: { sign: { alg: "RS256" } },
      }),
    },
  },
  extraTokenClaims: (_ctx, token) => ({
    email: clients[token.clientId].email,
    email_verified: true,
  }),
});
server.on("request", provider.callback());

console.log(
  JSON.stringify({
    issuer,
    token_endpoint: `${issuer}/token`,
    audience: args.audience,
    clients: Object.fromEntries(
      Object.entries(clients).map(([id, { secret, audience }]) => [id, { secret, audience }]),
    ),
  }),
);

for (const signal of ["SIGTERM", "SIGINT"]) {
  process.once(signal, () => {
    server.close();
    server.closeAllConnections();
  });
}
