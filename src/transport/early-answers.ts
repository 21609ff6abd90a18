import type { Pipeline } from '@azure/storage-blob';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';

const agents = {
  http: withHeardErrors(new HttpAgent({ keepAlive: true })),
  https: withHeardErrors(new HttpsAgent({ keepAlive: true })),
};

/**
 * Makes a service that refuses a body early a failed request and no more. It may answer 503 or 403 to a block that is
 * still on its way, and close. With the end of the answer Node takes its listeners off the connection; what is being
 * written fails after that, as an `error` that nobody hears, and ends the process
 * (https://github.com/nodejs/node/issues/54366). For every client that sends large bodies.
 */
export function survivingEarlyAnswers(pipeline: Pipeline): Pipeline {
  pipeline.factories.unshift({
    create: (next) => ({
      sendRequest(request) {
        request.agent = request.url.startsWith('https:') ? agents.https : agents.http;
        return next.sendRequest(request);
      },
    }),
  });
  return pipeline;
}

/** A request still hears of its connection's errors by listeners of its own. */
function withHeardErrors<Agent extends HttpAgent>(agent: Agent): Agent {
  const connect = agent.createConnection.bind(agent);
  agent.createConnection = (options, callback) => connect(options, callback)?.on('error', () => undefined);
  return agent;
}
