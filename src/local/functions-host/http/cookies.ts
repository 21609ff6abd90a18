import type { HttpCookie } from '../app/core-types.ts';

const sameSites: Readonly<Record<string, string>> = { lax: 'Lax', strict: 'Strict', explicitNone: 'None' };

/** The Set-Cookie header (RFC 6265, section 4.1) of a cookie as `@azure/functions` hands it over. */
export function setCookieHeader(cookie: HttpCookie): string {
  const seconds = cookie.expires?.value?.seconds;
  const sameSite =
    cookie.sameSite === undefined || cookie.sameSite === null ? undefined : sameSites[cookie.sameSite];
  const attributes = [
    cookie.maxAge?.value === undefined || cookie.maxAge.value === null
      ? ''
      : `Max-Age=${cookie.maxAge.value}`,
    cookie.domain?.value ? `Domain=${cookie.domain.value}` : '',
    cookie.path?.value ? `Path=${cookie.path.value}` : '',
    seconds === undefined ? '' : `Expires=${new Date(seconds * 1000).toUTCString()}`,
    cookie.httpOnly?.value === true ? 'HttpOnly' : '',
    cookie.secure?.value === true ? 'Secure' : '',
    sameSite === undefined ? '' : `SameSite=${sameSite}`,
  ];
  const pair = `${cookie.name}=${encodeURIComponent(cookie.value)}`;
  return [pair, ...attributes.filter((attribute) => attribute !== '')].join('; ');
}
