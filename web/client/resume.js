/**
 * Subscriptions that go on where they were interrupted: no event is missed, and none is told twice.
 *
 * The clients of npm, `graphql-ws` and `graphql-sse`, come back by themselves when a connection ends, and send the
 * variables again that they were given first. Here `variables.after` is looked up whenever it is written: it is the
 * cursor of the last event that was told. It works with any client that writes its request as JSON each time.
 */

const EXPIRED = 'CURSOR_EXPIRED';
const SLOW = 'SLOW_CONSUMER';
const FORBIDDEN = 4403;
const TRY_AGAIN = [408, 429];

const LONGEST_WAIT = 30_000;

/** Twice as long each time, and never at the same moment as everybody else. */
function pause(retries) {
  const longest = Math.min(1000 * 2 ** retries, LONGEST_WAIT);
  return new Promise((resolve) => setTimeout(resolve, longest * (0.5 + Math.random() / 2)));
}

/** Is told where a stream begins, whose request is just being written. */
let asking;

function askedBy(told) {
  asking = told;
  // Nobody else's request is theirs.
  queueMicrotask(() => (asking = undefined));
}

/** For `graphql-sse`, which asks as soon as it has written, and takes whatever is wrong for a failure of the network. */
async function fetchFn(...request) {
  const began = asking;
  const response = await fetch(...request);
  if (response.ok) began?.(response.headers.get('genji-cursor') ?? undefined);
  return response.status >= 400 && response.status < 500 && !TRY_AGAIN.includes(response.status)
    ? refusal(response)
    : response;
}

/** A refusal as a stream that tells it. It would be the same however often one tried. */
async function refusal(response) {
  const text = await response.text();
  let errors;
  try {
    ({ errors } = JSON.parse(text));
  } catch {
    errors = [{ message: `The server answered ${response.status}.` }];
  }
  return new Response(`event: next\ndata: ${JSON.stringify({ errors })}\n\nevent: complete\ndata:\n\n`);
}

/**
 * Options of `createClient` for one that never gives up, other than where it isn't let in. Left alone, `graphql-ws`
 * does when it finds nobody at the address, and either does after five attempts.
 */
export const patience = {
  retryAttempts: Infinity,
  // A connection ends with an event; what is thrown is a mistake of the page, which would be made again.
  shouldRetry: (problem) => problem?.code !== FORBIDDEN && !(problem instanceof Error && !problem.code),
  retryWait: pause,
  retry: pause,
  fetchFn,
};

/**
 * The same client, whose subscriptions go on where they were interrupted. They declare `$after`, pass it on as
 * `after`, and select `cursor`; of a trusted document, `variables` must name `after`. Other operations are left alone.
 *
 * `onExpired` is called when the server has forgotten what was missed. What is shown has to be fetched anew then; once
 * the promise that it gives is fulfilled, the subscription goes on from before it was called. Without it the sink is
 * told the error `CURSOR_EXPIRED`.
 */
export function resuming(client, { onExpired } = {}) {
  /** The connection that there is, with the cursor that it was greeted with. */
  let connection = {};
  let renewal;

  client.on?.('connected', (_socket, greeting) => {
    connection = { cursor: greeting?.cursor };
  });

  /** A cursor of now, from the beginning of another stream. */
  function placeOfStream(request, more) {
    return new Promise((resolve, reject) => {
      const variables = {
        ...request.variables,
        get after() {
          askedBy((place) => {
            stop();
            resolve(place);
          });
          return undefined;
        },
      };
      const stop = client.subscribe({ ...request, variables }, { next() {}, error: reject, complete: resolve }, ...more);
    });
  }

  /** A cursor of now, from another connection: what came with the one before may be forgotten as well. */
  function renew() {
    renewal ??= new Promise((resolve, reject) => {
      const done = () => resolve(connection.cursor);
      client.terminate();
      client.subscribe({ query: '{ __typename }' }, { next() {}, error: reject, complete: done });
    }).finally(() => {
      renewal = undefined;
    });
    return renewal;
  }

  const placeOfConnection = (forgotten) => (connection.cursor === forgotten ? renew() : connection.cursor);

  function subscribe(request, sink, ...more) {
    if (!goesOn(request)) return client.subscribe(request, sink, ...more);

    let cursor = request.variables?.after ?? undefined;
    /** The connection on which it was sent first: there it begins with what is new. */
    let first;
    let slow = 0;
    let over = false;
    let leave = () => {};

    /** Over server-sent events one is told where one begins. */
    const began = (place) => {
      cursor ??= place;
    };

    const variables = {
      ...request.variables,
      get after() {
        askedBy(began);
        if (connection.cursor !== undefined) first ??= connection;
        return cursor ?? (first === connection ? undefined : first?.cursor);
      },
    };

    const end = (tell) => {
      if (!over) {
        over = true;
        tell();
      }
    };
    const fail = (error) => end(() => sink.error(error));

    function start() {
      let mine = true;
      const settle = (act) => {
        if (mine) {
          mine = false;
          act();
        }
      };
      leave = client.subscribe(
        { ...request, variables },
        {
          next(result) {
            if (!mine || over) return;
            const root = Object.values(result.data ?? {})[0];
            if (root && typeof root.cursor !== 'string' && request.query) {
              settle(() => fail(new Error('Select `cursor`: without it a subscription that takes `$after` can’t go on.')));
              leave();
            } else if (!root && isOf(result.errors, EXPIRED, SLOW)) {
              settle(() => recover(result.errors));
              leave();
            } else {
              cursor = root?.cursor ?? cursor;
              slow = 0;
              sink.next(result);
            }
          },
          error: (problem) => settle(() => recover(problem)),
          complete: () => settle(() => end(() => sink.complete())),
        },
        ...more,
      );
      // What went wrong at once was told before there was anything to leave.
      if (over) leave();
    }

    /** Go on after what may be gone on after, and tell of everything else. */
    async function recover(problem) {
      try {
        if (isOf(problem, SLOW)) {
          cursor ??= first?.cursor;
          await pause(slow++);
        } else if (isOf(problem, EXPIRED) && onExpired) {
          const place = client.on ? await placeOfConnection(cursor) : await placeOfStream(request, more);
          await onExpired();
          cursor = place;
        } else {
          return fail(problem);
        }
        if (!over) start();
      } catch (error) {
        fail(error);
      }
    }

    start();
    return () => {
      end(() => sink.complete());
      leave();
    };
  }

  function iterate(request, ...more) {
    const told = [];
    let over = false;
    let failure;
    let wake = () => {};
    const finish = () => {
      over = true;
      wake();
    };
    const stop = subscribe(
      request,
      {
        next(result) {
          told.push(result);
          wake();
        },
        error(error) {
          failure = { error };
          finish();
        },
        complete: finish,
      },
      ...more,
    );
    const results = (async function* () {
      for (;;) {
        while (told.length) yield told.shift();
        if (failure) throw failure.error;
        if (over) return;
        await new Promise((resolve) => (wake = resolve));
      }
    })();
    // Left to itself a generator would only be left at its next event.
    results.return = async () => {
      told.length = 0;
      stop();
      return { done: true, value: undefined };
    };
    return results;
  }

  return { ...client, subscribe, iterate };
}

/** Is it a subscription that takes `$after`? */
function goesOn({ query, operationName, variables }) {
  if (!query) return 'after' in (variables ?? {});
  const name = operationName ? `\\s+${operationName}` : '';
  return new RegExp(`(^|[\\n}])\\s*subscription${name}\\b[^]*\\$after\\b`).test(query);
}

/** Are these the errors of an operation, with one of these codes among them? */
function isOf(problem, ...codes) {
  return Array.isArray(problem) && problem.some((error) => codes.includes(error?.extensions?.code));
}
