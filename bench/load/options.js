// What the scripts share: where the server is, who calls, and how long. Set by -e NAME=value.
export const httpUrl = __ENV.HTTP_URL || 'http://localhost:8000';
export const grpcAddress = __ENV.GRPC_ADDRESS || 'localhost:50051';
// An access token or an API key; without one the development server takes its demo administrator.
export const token = __ENV.TOKEN || '';
export const vus = Number(__ENV.VUS || 8);
export const duration = __ENV.DURATION || '30s';
export const plaintext = (__ENV.TLS || '') === '';

export const headers = token ? { Authorization: `Bearer ${token}` } : {};
export const metadata = token ? { authorization: `Bearer ${token}` } : {};

// A name that no other run uses, so that runs can follow each other and be removed afterwards.
export const run = `load-${Date.now().toString(36)}`;

export function key() {
  const hex = () => Math.floor((1 + Math.random()) * 0x10000).toString(16).slice(1);
  return `${hex()}${hex()}-${hex()}-4${hex().slice(1)}-a${hex().slice(1)}-${hex()}${hex()}${hex()}`;
}
