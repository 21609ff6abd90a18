/** What the encoder needs of a logger (pino's shape). */
export interface EncoderLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}
