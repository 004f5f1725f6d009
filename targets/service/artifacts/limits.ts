/** Every bound of the artifact store, with its unit. */

/** Largest artifact, bytes: what S3 takes in one PUT. */
export const ARTIFACT_BYTES_MAX = 5 * 1_073_741_824;
/** Largest upload by a URL that a document gave to a device, bytes: logs and reports, not the whole disk. */
export const DEVICE_UPLOAD_BYTES_MAX = 256 * 1_048_576;
/** Longest key, bytes of UTF-8, and longest name of a bucket, characters (S3's). */
export const KEY_BYTES_MAX = 1_024;
export const BUCKET_CHARS_MAX = 63;
/** Most of a client's own metadata that is kept with an artifact, bytes of JSON. */
export const METADATA_BYTES_MAX = 2_048;
/** Longest life of a signed URL, seconds: a week, as on S3. Those in documents live 60 to 3,600. */
export const URL_SECONDS_MAX = 604_800;
/** Most downloads and uploads at the same time; further connections are closed at once. */
export const FILE_CONNECTIONS_MAX = 1_024;
/** How long one connection may be silent in the middle of a transfer, milliseconds. */
export const TRANSFER_SILENCE_MILLIS_MAX = 60_000;
/** How long one upload may take, milliseconds. */
export const UPLOAD_MILLIS_MAX = 6 * 3_600_000;
/** How long transfers may go on when the service ends, milliseconds; a download that is cut is resumed with Range. */
export const CLOSE_MILLIS_MAX = 3_000;
/** Longest line of an aws-chunked body, bytes: a size with its extensions, or a trailing header. */
export const CHUNK_LINE_BYTES_MAX = 512;
/** Most lines behind the last chunk of an aws-chunked body. */
export const CHUNK_TRAILERS_MAX = 16;
/** Largest body that is read to its end only to be dropped, bytes; behind a larger one the connection is closed. */
export const DROPPED_BYTES_MAX = 1_048_576;
/** Most uploads in parts that are under way, most parts of one, and how long one may lie idle, milliseconds. */
export const PART_UPLOADS_MAX = 16;
export const PARTS_MAX = 10_000;
export const PART_UPLOAD_IDLE_MILLIS_MAX = 3_600_000;
/** Longest list of parts that completes an upload, bytes. */
export const COMPLETION_BYTES_MAX = 4_194_304;
