/** Text from elsewhere on a terminal: nothing of it is obeyed, nothing reorders or hides what stands beside it. */
import fc from 'fast-check'
import t from 'tap'
import { jsonForTerminals, neutralise, oneLine, quote } from '../../../src/util/text.js'
import { checkBounded, forAll, hostileJson, hostileText, OBEYED, pumps } from '../../helpers/properties.js'

t.test('nothing of a text is obeyed by a terminal, and every visible character stays', async (t) => {
  await forAll(t, 'neutralise', hostileText(), (text) => {
    const shown = neutralise(text)
    if (OBEYED.test(shown)) throw new Error(JSON.stringify(shown))
    if (neutralise(shown) !== shown) throw new Error('a second time changes it')
    return !/^[\x20-\x7e\n\t]*$/.test(text) || shown === text
  })
})

t.test('a cell has no line break and no tab', async (t) => {
  await forAll(t, 'oneLine', hostileText(), (text) => {
    const shown = oneLine(text)
    return !OBEYED.test(shown) && !/[\n\t]/.test(shown) && shown === shown.trim()
  })
})

t.test('JSON for a terminal is the same JSON', async (t) => {
  await forAll(t, 'jsonForTerminals', hostileJson(), (value) => {
    const text = jsonForTerminals(JSON.stringify(value))
    if (OBEYED.test(text)) throw new Error(text)
    return JSON.stringify(JSON.parse(text)) === JSON.stringify(value)
  })
})

t.test('a quoted text ends where it ends', async (t) => {
  await forAll(t, 'quote', hostileText(), (text) => {
    return /^"(?:[^"\\]|\\.)*"$/.test(quote(text)) && !OBEYED.test(quote(text))
  })
})

t.test('long texts take no longer than their length', async (t) => {
  checkBounded(t, 'neutralise', pumps(' \n', '\r'), neutralise)
  checkBounded(t, 'oneLine', pumps(' \n', '\n '), oneLine)
})

t.test('the characters of other scripts are not touched', async (t) => {
  const letters = fc.constantFrom('ü', '漢', 'ש', 'ع', '😀', '👩\u200d💻', 'न\u200d', 'e\u0301')
  await forAll(t, 'letters', fc.array(letters), (all) => neutralise(all.join('')) === all.join(''))
})
