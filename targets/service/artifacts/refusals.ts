/** Errors of S3 that this store gives, with their status. */
const STATUSES = {
  AccessDenied: 403,
  AuthorizationHeaderMalformed: 400,
  AuthorizationQueryParametersError: 400,
  BadDigest: 400,
  EntityTooLarge: 400,
  IncompleteBody: 400,
  InsufficientStorage: 507,
  InternalError: 500,
  InvalidAccessKeyId: 403,
  InvalidArgument: 400,
  InvalidBucketName: 400,
  InvalidDigest: 400,
  InvalidPart: 400,
  InvalidPartOrder: 400,
  InvalidRange: 416,
  InvalidURI: 400,
  MalformedXML: 400,
  MetadataTooLarge: 400,
  MethodNotAllowed: 405,
  MissingContentLength: 411,
  NoSuchKey: 404,
  NoSuchUpload: 404,
  NotImplemented: 501,
  PreconditionFailed: 412,
  RequestTimeTooSkewed: 403,
  SignatureDoesNotMatch: 403,
  SlowDown: 503,
  XAmzContentSHA256Mismatch: 400,
} as const;

export type FileErrorCode = keyof typeof STATUSES;

/** A refusal in S3's words; the listener answers it as XML. */
export class FileError extends Error {
  override name = 'FileError';
  readonly status: number;
  constructor(
    readonly code: FileErrorCode,
    message: string,
    /** Further elements of the answer. */
    readonly elements: Readonly<Record<string, string>> = {},
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
    this.status = STATUSES[code];
  }
}

/** The body that S3's clients read: code, message, what was asked for. */
export function errorXml({ code, message, elements }: FileError, resource: string, requestId: string): string {
  const members = { Code: code, Message: message, ...elements, Resource: resource, RequestId: requestId };
  return `<?xml version="1.0" encoding="UTF-8"?>\n<Error>${elementsXml(members)}</Error>`;
}

/** An answer: the root element with S3's namespace, and its members. */
export function answerXml(root: string, members: Readonly<Record<string, string>>): string {
  const inner = elementsXml(members);
  return `<?xml version="1.0" encoding="UTF-8"?>\n<${root} xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${inner}</${root}>`;
}

/** `<Name>text</Name>` for each member. */
function elementsXml(members: Readonly<Record<string, string | number>>): string {
  return Object.entries(members)
    .map(([name, text]) => `<${name}>${escaped(String(text))}</${name}>`)
    .join('');
}

/** XML 1.0 has no control characters but three, not even escaped: U+FFFD stands in their place. */
function escaped(text: string): string {
  return text
    .replace(/[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/gu, '\u{fffd}')
    .replace(/[&<>"\r]/g, (char) => `&#${char.charCodeAt(0)};`);
}
