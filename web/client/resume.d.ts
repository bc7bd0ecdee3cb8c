interface Sink {
  next(result: any): void;
  error(problem: unknown): void;
  complete(): void;
}

interface SubscriptionClient {
  subscribe(request: any, sink: Sink, ...more: any[]): () => void;
  iterate(request: any, ...more: any[]): AsyncIterableIterator<any>;
}

/** Options of `createClient`, of `graphql-ws` and of `graphql-sse`, for one that never gives up. */
export declare const patience: {
  retryAttempts: number;
  shouldRetry: (problem: unknown) => boolean;
  retryWait: (retries: number) => Promise<void>;
  retry: (retries: number) => Promise<void>;
  fetchFn: (...request: any[]) => Promise<any>;
};

/**
 * The same client, whose subscriptions go on where they were interrupted. They declare `$after`, pass it on as
 * `after`, and select `cursor`; of a trusted document, `variables` must name `after`. Other operations are left alone.
 */
export declare function resuming<Client extends SubscriptionClient>(
  client: Client,
  options?: {
    /**
     * The server has forgotten what was missed: fetch what is shown anew. Events go on from before this was called,
     * once its promise is fulfilled. Without it the sink is told the error `CURSOR_EXPIRED`.
     */
    onExpired?: () => void | Promise<void>;
  },
): Client;
