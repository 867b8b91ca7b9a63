import t from 'tap'
import { errorOf } from '../../../../src/drivers/hetzner/api.js'

const refused = (error: unknown): ReturnType<typeof errorOf> =>
  errorOf({ status: 422, headers: {}, body: { error } })

t.test('fields and limits that a refusal names are told', async (t) => {
  const details = { fields: [{ name: 'image', messages: ['is gone'] }], limits: [{ name: 'cores' }] }
  t.strictSame(refused({ code: 'invalid_input', message: 'no', details }), {
    code: 'invalid_input',
    message: 'no (image: is gone; cores)',
  })
})

t.test('details of another form hide no reason', async (t) => {
  for (const details of [null, 7, 'text', [], { fields: {} }, { fields: [null, 7] }, { limits: 'none' }])
    t.match(refused({ code: 'locked', message: 'wait', details }), { code: 'locked', message: 'wait' })
  for (const messages of [null, 7, {}, [null, 7]])
    t.strictSame(
      refused({ message: 'no', details: { fields: [{ name: 'image', messages }] } }).message,
      'no (image)',
    )
})
