// A real OpenID provider on a loopback port, for tests of logins: authorization code with PKCE,
// rotating refresh tokens, the device flow, revocation. Prints one line of JSON that says where it
// listens, then serves until SIGTERM or SIGINT.
//
//   node login.mjs [--port N] [--id-token-ttl SECONDS]
//
// Anybody may log in, with any password; the email is NAME@example.com. Refresh tokens work once:
// using one again revokes the whole login, as the library does for public clients.

import { generateKeyPairSync, randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { parseArgs } from "node:util";
import Provider from "oidc-provider";

const { values: args } = parseArgs({
  options: {
    port: { type: "string", default: "0" }, // 0 lets the system choose
    "id-token-ttl": { type: "string", default: "3600" },
  },
});

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

// A program on a person's machine: no secret, and redirects to loopback whatever the port (RFC 8252).
const client = {
  client_id: "notebook",
  client_name: "Micromegas",
  application_type: "native",
  token_endpoint_auth_method: "none",
  grant_types: [
    "authorization_code",
    "refresh_token",
    "urn:ietf:params:oauth:grant-type:device_code",
  ],
  response_types: ["code"],
  redirect_uris: ["http://localhost:48080/callback"],
};

let renewals = 0;
const provider = new Provider(issuer, {
  clients: [client],
  jwks: { keys: [signingKey] },
  cookies: { keys: [randomBytes(16).toString("hex")] },
  claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"] },
  conformIdTokenClaims: false, // put the email into the ID token, as Google and Dex do
  ttl: { IdToken: Number(args["id-token-ttl"]) },
  features: {
    devInteractions: { enabled: true }, // the pages for login and consent
    deviceFlow: { enabled: true },
    revocation: { enabled: true },
    rpInitiatedLogout: { enabled: false },
  },
  pkce: { required: () => true },
  // Without prompt=consent the library takes offline_access away; most providers do not.
  issueRefreshToken: async (_ctx, client) => client.grantTypeAllowed("refresh_token"),
  findAccount: (_ctx, id) => ({
    accountId: id,
    claims: () => ({ sub: id, email: `${id}@example.com`, email_verified: true, name: id }),
  }),
});
provider.on("grant.success", (ctx) => {
  if (ctx.oidc.params.grant_type === "refresh_token") renewals += 1;
});
const answer = provider.callback();
server.on("request", (request, response) => {
  if (request.url === "/renewals") {
    response.setHeader("Content-Type", "application/json");
    response.end(JSON.stringify(renewals));
  } else {
    answer(request, response);
  }
});

console.log(JSON.stringify({ issuer, client_id: client.client_id }));

for (const signal of ["SIGTERM", "SIGINT"]) {
  process.once(signal, () => {
    server.close();
    server.closeAllConnections();
  });
}
