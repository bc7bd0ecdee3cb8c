// Runs the audits of GraphQL over HTTP against a server and prints their results as JSON: node audits.mjs URL
import { auditServer } from 'graphql-http';

const results = await auditServer({ url: process.argv[2], fetchFn: fetch });
const told = results.map(({ id, name, status, reason }) => ({ id, name, status, reason }));
console.log(JSON.stringify(told, null, 1));
