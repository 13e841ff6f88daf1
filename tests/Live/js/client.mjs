// The official JavaScript client against a running device: chat, stream, models, errors.
import assert from 'node:assert';
import OpenAI from 'openai';

const client = new OpenAI({ baseURL: process.argv[2], apiKey: 'any', maxRetries: 0 });
const ask = (content, more = {}) =>
  client.chat.completions.create({ model: 'chat', temperature: 0, max_tokens: 64, messages: [{ role: 'user', content }], ...more });

const answer = await ask('How many legs does a spider have?');
assert.match(answer.choices[0].message.content, /eight/);
assert.equal(answer.model, 'tinychat-m');

let streamed = '';
for await (const part of await ask('What day comes after Monday?', { stream: true })) streamed += part.choices[0]?.delta?.content ?? '';
assert.match(streamed, /Tuesday/);

const models = [];
for await (const model of client.models.list()) models.push(model.id);
assert.deepEqual(models, ['chat', 'tinychat-m']);

await assert.rejects(ask('x', { model: 'gpt-4' }), (e) => e.status === 404 && e.code === 'model_not_found');
await assert.rejects(ask('x', { messages: 7 }), (e) => e.status === 400);
console.log('all well');
