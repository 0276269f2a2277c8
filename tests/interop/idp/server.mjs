// A certified identity provider (https://www.npmjs.com/package/oidc-provider), as a
// company would run one: node server.mjs <issuer> <resource> <certificate> <key>
//
// It speaks TLS on a free port of this machine, which it says, and keeps everything in
// memory. Anybody may log in, and is who they say.

import { createServer } from 'node:https';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';

import { Provider } from 'oidc-provider';

const [issuer, resource, certificate, key] = process.argv.slice(2);
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const jwk = { ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'ES256', kid: 'one' };

const provider = new Provider(issuer, {
  jwks: { keys: [jwk] },
  clients: [
    {
      client_id: 'mcpkg',
      application_type: 'native',
      token_endpoint_auth_method: 'none',
      redirect_uris: ['http://127.0.0.1/callback'],
      response_types: ['code'],
      grant_types: [
        'authorization_code',
        'refresh_token',
        'urn:ietf:params:oauth:grant-type:device_code',
      ],
      id_token_signed_response_alg: 'ES256',
      dpop_bound_access_tokens: true,
    },
  ],
  cookies: { keys: [randomBytes(32).toString('hex')] },
  scopes: ['openid', 'offline_access', 'email'],
  claims: { openid: ['sub'], email: ['email'] },
  conformIdTokenClaims: false,
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({ sub: id, email: `${id}@acme.example` }),
  }),
  // Shorter than the client's margin: each command has to renew.
  ttl: { AccessToken: 25, DeviceCode: 600, RefreshToken: 3600, Interaction: 600 },
  rotateRefreshToken: true,
  features: {
    devInteractions: { enabled: true },
    deviceFlow: { enabled: true },
    dPoP: { enabled: true, nonceSecret: randomBytes(32), requireNonce: () => true },
    revocation: { enabled: true },
    resourceIndicators: {
      enabled: true,
      useGrantedResource: () => true,
      getResourceServerInfo: (_, indicator) => {
        if (indicator !== resource) throw new Error(`a token for ${indicator}`);
        return {
          scope: 'read',
          audience: indicator,
          accessTokenFormat: 'jwt',
          accessTokenTTL: 25,
          jwt: { sign: { alg: 'ES256' } },
        };
      },
    },
  },
});
provider.on('server_error', (_, error) => console.error(error));
provider.on('grant.error', (_, error) => console.error(`grant: ${error.error}`));
provider.on('grant.success', (ctx) => console.error(`granted: ${ctx.oidc.params.grant_type}`));

const tls = { cert: readFileSync(certificate), key: readFileSync(key) };
const server = createServer(tls, provider.callback());
server.listen(0, '127.0.0.1', () => console.log(`listening ${server.address().port}`));
