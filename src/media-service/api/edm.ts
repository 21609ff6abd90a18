import { badRequest } from './api-error.ts';

/** The primitive types of the entity model that v2 uses (OData, Abstract Type System), and its collections. */
export type EdmType =
  'Edm.String' | 'Edm.Int32' | 'Edm.Int64' | 'Edm.Double' | 'Edm.Boolean' | 'Edm.DateTime' | 'Collection';

export type EdmValue = string | number | boolean | Date | null;

/**
 * Reads a value of a request body, as leniently as the reference: numbers and booleans may come as strings, times in
 * several forms.
 * @throws ApiError 400
 */
export function readValue(property: string, type: EdmType, value: unknown): EdmValue {
  if (value === null) return null;
  const read = readers[type](value);
  if (read === undefined) throw badRequest(`The value of ${property} is not of type ${type}.`);
  return read;
}

const readers: Readonly<Record<EdmType, (value: unknown) => EdmValue | undefined>> = {
  'Edm.String': (value) =>
    typeof value === 'string'
      ? value
      : typeof value === 'number' || typeof value === 'boolean'
        ? String(value)
        : undefined,
  'Edm.Int32': (value) => integer(value, 2 ** 31 - 1),
  'Edm.Int64': (value) => integer(value, Number.MAX_SAFE_INTEGER),
  'Edm.Double': number,
  'Edm.Boolean': (value) => {
    if (typeof value === 'boolean') return value;
    const text = typeof value === 'string' ? value.toLowerCase() : undefined;
    return text === 'true' ? true : text === 'false' ? false : undefined;
  },
  'Edm.DateTime': (value) => {
    if (typeof value !== 'string') return undefined;
    const time = readTime(value);
    // .NET's default value stands for a time that is not set.
    return time?.getTime() === unsetTime ? null : time;
  },
  Collection: () => undefined,
};

function number(value: unknown): number | undefined {
  const read = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  return typeof read === 'number' && Number.isFinite(read) ? read : undefined;
}

function integer(value: unknown, limit: number): number | undefined {
  const read = number(value);
  return read !== undefined && Number.isInteger(read) && Math.abs(read) <= limit ? read : undefined;
}

const unsetTime = Date.parse('0001-01-01T00:00:00Z');
const isoForm = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?)?(Z|[+-]\d{2}:\d{2})?$/;
const usForm = /^(\d{1,2})\/(\d{1,2})\/(\d{4})(?:\s+(\d{1,2}):(\d{2})(?::(\d{2}))?(?:\s*([AP])M)?)?$/i;
const jsonForm = /^\/Date\((-?\d{1,15})([+-]\d{4})?\)\/$/;

/**
 * Reads a time: ISO 8601 (UTC unless it says otherwise), verbose JSON's `/Date(milliseconds)/`, or the en-US form
 * `1/5/2017 10:00:00 AM` that .NET programs send (UTC).
 */
export function readTime(text: string): Date | undefined {
  const trimmed = text.trim();
  const json = jsonForm.exec(trimmed);
  if (json !== null) return valid(new Date(Number(json[1])));
  const us = usForm.exec(trimmed);
  if (us !== null) return usTime(us);
  const iso = isoForm.exec(trimmed);
  if (iso === null) return undefined;
  const [, clock, , , zone] = iso;
  // A date alone is UTC for JavaScript, a date and time without a zone would be local.
  return valid(new Date(clock !== undefined && zone === undefined ? `${trimmed}Z` : trimmed));
}

function usTime(match: RegExpExecArray): Date | undefined {
  const [month, day, year, hour, minute, second] = match
    .slice(1, 7)
    .map((part: string | undefined) => Number(part ?? 0));
  const half = match[7]?.toUpperCase();
  if (month === undefined || day === undefined || year === undefined || hour === undefined) return undefined;
  if (half !== undefined && (hour < 1 || hour > 12)) return undefined;
  const hours = half === undefined ? hour : (hour % 12) + (half === 'P' ? 12 : 0);
  const time = new Date(Date.UTC(year, month - 1, day, hours, minute, second));
  const sameDay = time.getUTCMonth() === month - 1 && time.getUTCDate() === day;
  return sameDay && hours < 24 && (minute ?? 0) < 60 && (second ?? 0) < 60 ? time : undefined;
}

function valid(time: Date): Date | undefined {
  return Number.isNaN(time.getTime()) ? undefined : time;
}
