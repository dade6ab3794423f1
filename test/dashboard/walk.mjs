// Walks through the dashboard in a real Chromium: every page in both themes, with and
// without JavaScript, wide and narrow, by axe; by the keyboard alone; and past what
// people wrote, of which nothing may run. What it finds it prints; then it exits 1.
//   node walk.mjs MODULES CHROMIUM ADDRESS full INCIDENT HOSTILE [SCREENSHOTS]
//   node walk.mjs MODULES CHROMIUM ADDRESS NAME - - [SCREENSHOTS]
//   node walk.mjs MODULES CHROMIUM ADDRESS redirected - -
// The second form looks at the pages of somebody for whom there is nothing, the third signs
// in where GitHub leads on to an identity provider.
import { createRequire } from 'node:module'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const [modules, executablePath, address, who, incident, hostile, shots] = process.argv.slice(2)
const require = createRequire(join(modules, 'index.js'))
const { chromium } = require('playwright-core')
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8')
if (shots) mkdirSync(shots, { recursive: true })

let faults = 0, checks = 0
const fault = text => { faults++; console.log(`FAULT ${text}`) }
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] })

// visit opens a context, and listens for whatever runs or breaks in it.
async function visit(options, walk) {
  const context = await browser.newContext({ ignoreHTTPSErrors: true, viewport: { width: 1280, height: 900 }, ...options })
  context.setDefaultTimeout(120_000) // the machine may be busy
  const page = await context.newPage()
  page.on('dialog', d => { fault(`a dialog: ${d.message()}`); d.dismiss() })
  page.on('pageerror', e => fault(`a script failed: ${e}`))
  page.on('console', m => { if (m.type() === 'error' && !/401|404/.test(m.text())) fault(`console: ${m.text()}`) })
  page.on('request', r => { if (!r.url().startsWith(address) && !r.isNavigationRequest()) fault(`a request to ${r.url()}`) })
  try { await walk(page, context) } finally { await context.close() }
}

// check runs axe in the page, as the driver's script: our policy lets none of the page's
// run. Without JavaScript axe does not run either; then the page has to be
// one that axe has looked at, but for numbers and spans of time, which follow the clock.
const looked = new Set()
const bytes = async page => (await page.content()).replace(/asked [^<]* ago/g, '').replace(/\d+ (?:ms|s|min|h|days)\b/g, '#').replace(/\d+/g, '#')
async function check(page, name, script = true) {
  checks++
  if (!script) {
    if (!looked.has(await bytes(page))) fault(`${name} is another page without JavaScript`)
    return
  }
  looked.add(await bytes(page))
  await page.evaluate(axe)
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }))
  for (const v of violations) {
    const text = `${name}: ${v.impact}: ${v.id}: ${v.help}: ${v.nodes.map(n => n.target.join(' ')).slice(0, 3).join('; ')}`
    if (['serious', 'critical'].includes(v.impact)) fault(text)
    else console.log(`note: ${text}`)
  }
}

async function shot(page, name) {
  if (shots && !name.endsWith('without')) await page.screenshot({ path: join(shots, `${name}.png`), fullPage: true })
}

async function signIn(page) {
  await page.goto(address)
  await page.getByRole('button', { name: 'Sign in with GitHub' }).click()
  await page.getByRole('heading', { level: 1, name: 'Incidents' }).waitFor()
}

const pages = who === 'full'
  ? { incidents: '/', narrowed: '/?severity=high&state=any&sort=newest', nothing: '/?q=there-is-nothing-like-this', incident: `/incidents/${incident}`, hostile: `/incidents/${hostile}`, health: '/health', missing: '/incidents/INC-NONE' }
  : { incidents: '/', health: '/health' }

// look looks at every page, in one theme, with or without JavaScript.
async function look(page, theme, script) {
  await page.goto(address)
  await check(page, `sign in, ${theme}`, script)
  if (who === 'full') await shot(page, `sign-in-${theme}`)
  await signIn(page)
  for (const [name, path] of Object.entries(pages)) {
    await page.goto(address + path)
    await check(page, `${who}: ${name}, ${theme}`, script)
    await shot(page, `${who}-${name}-${theme}`)
  }
}

// narrow looks at the pages on a screen of 375 points.
async function narrow(page, theme) {
  await page.setViewportSize({ width: 375, height: 800 })
  for (const name of ['incidents', 'incident', 'health']) {
    await page.goto(address + pages[name])
    const wide = await page.evaluate(() => document.documentElement.scrollWidth)
    if (wide > 375) fault(`${name} is ${wide} wide on a narrow screen`)
    await check(page, `${name}, narrow, ${theme}`)
    await shot(page, `${name}-narrow-${theme}`)
  }
}

// Filters, access and signing out are forms.
async function forms(page) {
  await page.goto(address)
  await page.getByLabel('Severity', { exact: true }).selectOption('critical')
  await page.getByRole('button', { name: 'Show' }).click()
  if (!page.url().includes('severity=critical')) fault('the filters do not work without JavaScript')
  await page.getByRole('button', { name: 'Ask again' }).click()
  await page.getByRole('heading', { level: 1, name: 'Incidents' }).waitFor()
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.getByRole('button', { name: 'Sign in with GitHub' }).waitFor()
}

// Where GitHub leads on to somebody else, one signs in as well. The page that leads to
// GitHub is seen by whom GitHub cannot be reached.
if (who === 'redirected') {
  for (const javaScriptEnabled of [true, false]) await visit({ javaScriptEnabled }, signIn)
  await visit({}, async page => {
    await page.route('**/login/oauth/**', route => route.fulfill({ status: 204 })) // one stays where one is
    await page.goto(address)
    await page.getByRole('button', { name: 'Sign in with GitHub' }).click()
    await page.getByRole('link', { name: 'go on to' }).waitFor()
    await check(page, 'on the way')
  })
} else for (const colorScheme of ['light', 'dark']) {
  await visit({ colorScheme }, async page => {
    await look(page, colorScheme, true)
    if (who === 'full') await narrow(page, colorScheme)
  })
  await visit({ colorScheme, javaScriptEnabled: false }, async page => {
    await look(page, `${colorScheme}-without`, false)
    if (who === 'full') await forms(page)
  })
}

// By the keyboard: the skip link comes first, every stop shows where it is, and the whole
// way to an incident and back out needs no mouse.
if (who === 'full') await visit({}, async page => {
  await page.goto(address)
  for (let i = 0; i < 10 && !await page.evaluate(() => document.activeElement.tagName === 'BUTTON'); i++) await page.keyboard.press('Tab')
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { level: 1, name: 'Incidents' }).waitFor()
  await page.keyboard.press('Tab')
  const first = await page.evaluate(() => ({ text: document.activeElement.textContent, top: document.activeElement.getBoundingClientRect().top }))
  if (first.text !== 'Skip to the content') fault(`the first stop is ${first.text}`)
  await page.keyboard.press('Enter')
  if (await page.evaluate(() => document.activeElement.id) !== 'main') fault('the skip link does not lead to the content')
  let stops = 0
  for (; stops < 60; stops++) {
    await page.keyboard.press('Tab')
    const at = await page.evaluate(() => {
      const e = document.activeElement, style = getComputedStyle(e)
      return { body: e === document.body, href: e.getAttribute('href') ?? '', name: e.tagName + ' ' + e.textContent.trim().slice(0, 30), seen: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2 }
    })
    if (at.body) break
    if (!at.seen) fault(`one cannot see that ${at.name} is where one is`)
    if (at.href.startsWith('/incidents/')) { await page.keyboard.press('Enter'); break }
  }
  await page.waitForURL(/\/incidents\//)
  await page.getByRole('heading', { name: 'Places' }).waitFor()
  console.log(`note: ${stops + 1} stops to the first incident`)
})

await browser.close()
console.log(`${checks} checks by axe, ${faults} faults`)
process.exit(faults ? 1 : 0)
