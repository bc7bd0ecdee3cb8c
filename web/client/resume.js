/**
 * Subscriptions that go on where they were interrupted: no event is missed, and none is told twice.
 *
 * The clients of npm, `graphql-ws` and `graphql-sse`, come back by themselves when a connection ends, and send the
 * variables again that they were given first. Here `variables.after` is looked up whenever it is sent: it is the cursor
 * of the last event that was told. It works with any client that writes its request as JSON each time.
 */

const EXPIRED = 'CURSOR_EXPIRED';
const SLOW = 'SLOW_CONSUMER';
const FORBIDDEN = 4403;

const LONGEST_WAIT = 30_000;

/** Twice as long each time, and never at the same moment as everybody else. */
function pause(retries) {
  const longest = Math.min(1000 * 2 ** retries, LONGEST_WAIT);
  return new Promise((resolve) => setTimeout(resolve, longest * (0.5 + Math.random() / 2)));
}

/**
 * Options of `createClient` for one that never gives up. Left alone, `graphql-ws` does when it finds nobody at the
 * address, and either after five attempts. Only whoever isn't let in any more is told so.
 */
export const patience = {
  retryAttempts: Infinity,
  shouldRetry: (problem) => problem?.code !== FORBIDDEN,
  retryWait: pause,
  retry: pause,
};

/**
 * The same client, whose subscriptions go on where they were interrupted. They declare `$after`, pass it on as
 * `after`, and select `cursor`; operations without `$after` are left alone.
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

  /** A cursor of now, from a connection of now: what came with the one before may be forgotten as well. */
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

  function subscribe(request, sink, ...more) {
    if (!/\$after\b/.test(request.query)) return client.subscribe(request, sink, ...more);

    let cursor = request.variables?.after ?? undefined;
    /** The connection on which it was sent first. */
    let first;
    let slow = 0;
    let over = false;
    let leave = () => {};

    const variables = {
      ...request.variables,
      get after() {
        if (connection.cursor !== undefined) first ??= connection;
        // On the first one it begins with what is new; whoever is interrupted before anything was, goes on from there.
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
            if (root && typeof root.cursor !== 'string') {
              leave();
              settle(() => fail(new Error('Select `cursor`: without it a subscription that takes `$after` can’t go on.')));
            } else if (!root && isOf(result.errors, EXPIRED, SLOW)) {
              leave();
              settle(() => recover(result.errors));
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
          const place = connection.cursor === cursor ? await renew() : connection.cursor;
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

/** Are these the errors of an operation, with one of these codes among them? */
function isOf(problem, ...codes) {
  return Array.isArray(problem) && problem.some((error) => codes.includes(error?.extensions?.code));
}
