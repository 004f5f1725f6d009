/**
 * What is taken out of anything that is reported or logged; what is in parentheses stays before it. Signatures and tokens
 * of presigned URLs, private keys, AWS secret keys and session tokens, passwords in URLs, Authorization headers.
 */
const SECRETS: readonly RegExp[] = [
  /(-----BEGIN [A-Z ]*PRIVATE KEY-----)[\s\S]*?(?=-----END|$)/g,
  /(X-Amz-(?:Signature|Security-Token|Credential)=)[^&\s"'<>]+/gi,
  /((?:secret_?access_?key|session_?token)["']?\s*[:=]\s*["']?)[^\s"',;]+/gi,
  /(Authorization:\s*)[^\r\n]+/gi,
  /(\b[a-z][a-z0-9+.-]*:\/\/[^\s/:@]+:)[^\s/@]+(?=@)/gi,
];

/** `text` without the secrets that it is known how to recognise. */
export function withoutSecrets(text: string): string {
  return SECRETS.reduce((clean, secret) => clean.replace(secret, '$1[removed]'), text);
}
