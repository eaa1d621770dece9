/** Certificates of two keys, always the same, so that recorded events are. Nobody has the keys any more. */
export const firstCertificate = [
  '-----BEGIN CERTIFICATE-----',
  'MIIBdzCCAR2gAwIBAgIUe41GXYYMBFTTr55ORmsmy85giW0wCgYIKoZIzj0EAwIw',
  'EDEOMAwGA1UEAwwFbGFiLTEwIBcNMjYxMTIxMTUzOTE3WhgPMjEyNjEwMjgxNTM5',
  'MTdaMBAxDjAMBgNVBAMMBWxhYi0xMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE',
  'v0npEgPFUDLAGGd83Y10XsfnPSj+YG6NTiCr2wR15Z/RIfbvkP/hx58k3JRs43Z2',
  'Loe6E6AWUAcJzm5pE3KZPaNTMFEwHQYDVR0OBBYEFLaVpMhIwxbToy3Bw8LMArZE',
  'aMFBMB8GA1UdIwQYMBaAFLaVpMhIwxbToy3Bw8LMArZEaMFBMA8GA1UdEwEB/wQF',
  'MAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIhAOzpKAn27nGaIK3IfRZnPRyqoh+QVKTQ',
  'X8dDVblDZht/AiBZiJuOH3jZlVjsOB5Zodboix0taxhbvkCNDyJWy8DpBg==',
  '-----END CERTIFICATE-----',
].join('\n')

export const cloneCertificate = [
  '-----BEGIN CERTIFICATE-----',
  'MIIBdjCCAR2gAwIBAgIUdSSfsuFTeaPOfJFSW/IsEPdAxMMwCgYIKoZIzj0EAwIw',
  'EDEOMAwGA1UEAwwFbGFiLTEwIBcNMjYxMTIxMTUzOTE3WhgPMjEyNjEwMjgxNTM5',
  'MTdaMBAxDjAMBgNVBAMMBWxhYi0xMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE',
  'Lc8LrEAh52hnHwjEwUrjnwMCeQ/okimZBECPraAcv/Q3fi1YJG1cwTHBiNKymJog',
  'PyFujaIkU+Af7eQVwJiL0KNTMFEwHQYDVR0OBBYEFCsScPrbLqqeZX1YoL2VnnY8',
  'zo3zMB8GA1UdIwQYMBaAFCsScPrbLqqeZX1YoL2VnnY8zo3zMA8GA1UdEwEB/wQF',
  'MAMBAf8wCgYIKoZIzj0EAwIDRwAwRAIgA982pR2JSUksVcLdpd1qz8RWirGbGXVQ',
  'XoXJk4mBwTgCIHu+y9OteJpLj4bP8lK1+eL4AncAE+i0nv6H9StOpzD6',
  '-----END CERTIFICATE-----',
].join('\n')
