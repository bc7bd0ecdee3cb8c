"""What speaks HTTP: GraphQL's endpoint, the page for a browser, and the probes of an operator."""
