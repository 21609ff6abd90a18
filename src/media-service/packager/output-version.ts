/**
 * Part of every ETag. Raise it whenever any byte of a manifest or fragment changes for the same stored media: caches and
 * the two data centers' origins must never take old and new output for the same.
 */
export const packagerOutputVersion = 3;
