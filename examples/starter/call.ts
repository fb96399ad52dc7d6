// Calls tasks, as an API or a script would: `npm run call`, while `npm run dev` runs.
import { app } from "./app.ts";
import { add, primes } from "./tasks.ts";

const [sum, count] = await Promise.all([add.delay(2, 3), primes.delay(50_000)]);
console.log(`sent ${sum.id} and ${count.id}`);
console.log(`2 + 3 = ${await sum.get({ timeout: "30s" })}`);
console.log(`${await count.get({ timeout: "60s" })} primes up to 50000`);
await app.close();
