/**
 * What is taken out of anything that is reported or logged, each with what stays in its place: signatures and tokens of
 * presigned URLs, private keys, AWS secret keys and session tokens, passwords in URLs, Authorization headers.
 */
const SECRETS: readonly [RegExp, string][] = [
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(-----END [A-Z ]*PRIVATE KEY-----|$)/g, '[private key]'],
  [/(X-Amz-(?:Signature|Security-Token|Credential)=)[^&\s"'<>]+/gi, '$1[removed]'],
  [/((?:aws_)?(?:secret_?access_?key|session_?token)["']?\s*[:=]\s*["']?)[^\s"',;]+/gi, '$1[removed]'],
  [/(Authorization:\s*)[^\r\n]+/gi, '$1[removed]'],
  [/(\b[a-z][a-z0-9+.-]*:\/\/[^\s/:@]+:)[^\s/@]+@/gi, '$1[removed]@'],
];

/** `text` without the secrets that it is known how to recognise. */
export function withoutSecrets(text: string): string {
  return SECRETS.reduce((clean, [secret, instead]) => clean.replace(secret, instead), text);
}
