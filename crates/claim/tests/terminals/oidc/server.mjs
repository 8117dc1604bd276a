// A sign-in service for the tests: oidc-provider, which is certified, as it comes, with its own pages for developers.
// Arguments: the folder with node_modules, the algorithm of ID tokens, the redirect URI, the client's secret ("" for none).
import { createServer } from 'node:http';
import { generateKeyPairSync } from 'node:crypto';
import { pathToFileURL } from 'node:url';

const [folder, algorithm, redirectUri, secret] = process.argv.slice(2);
const module = await import(pathToFileURL(`${folder}/node_modules/oidc-provider/lib/index.js`));

const pair = {
  RS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  EdDSA: () => generateKeyPairSync('ed25519'),
}[algorithm]();
const key = { ...pair.privateKey.export({ format: 'jwk' }), use: 'sig', kid: 'of-today', alg: algorithm };

const server = createServer();
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new module.Provider(issuer, {
    clients: [{
      client_id: 'claim',
      client_secret: secret || undefined,
      token_endpoint_auth_method: secret ? 'client_secret_basic' : 'none',
      redirect_uris: [redirectUri],
      id_token_signed_response_alg: algorithm,
    }],
    jwks: { keys: [key] },
    claims: { openid: ['sub'], profile: ['preferred_username'] },
    conformIdTokenClaims: false,
    cookies: { keys: ['of no value'] },
    pkce: { required: () => true },
    findAccount: (_, id) => ({
      accountId: id,
      claims: () => ({ sub: id, preferred_username: `${id}@link.cuhk.example` }),
    }),
  });
  server.on('request', provider.callback());
  console.log(`listening ${issuer}`);
});
