/** More than the failovers that the edge still tells of. */
const kept = 1000;

/** The edge's names for the requests of this page: the edge's status tells of failovers by them alone. */
export class OwnRequests {
  readonly #ids = new Set<string>();

  /** Notes the request's name as soon as its headers are here: its body may never come to its end. */
  watch(request: XMLHttpRequest): void {
    request.addEventListener('readystatechange', () => {
      if (request.readyState !== XMLHttpRequest.HEADERS_RECEIVED) return;
      const id = request.getResponseHeader('x-request-id');
      if (id === null) return;
      this.#ids.add(id);
      const [oldest] = this.#ids;
      if (this.#ids.size > kept && oldest !== undefined) this.#ids.delete(oldest);
    });
  }

  has(id: string): boolean {
    return this.#ids.has(id);
  }
}
