// Validates SARIF files with Microsoft's multitool, by the rules of the format and
// by those of GitHub's code scanning. The tool exits 0 even when it finds errors,
// so what counts is what it wrote.
import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

const [modules, ...files] = process.argv.slice(2)
const out = join(mkdtempSync(join(tmpdir(), 'sarif-')), 'out.sarif')
const require = createRequire(join(modules, 'index.js'))
const platform = `@microsoft/sarif-multitool-${process.platform}`
const tool = join(dirname(require.resolve(`${platform}/package.json`)), process.platform === 'win32' ? 'Sarif.Multitool.exe' : 'Sarif.Multitool')
chmodSync(tool, 0o755) // npm runs no install script here, which would have done it

let errors = 0
for (const file of files) {
  if (!existsSync(file)) throw new Error(`${file} does not exist`)
  execFileSync(tool, ['validate', file, '--rule-kind', 'Sarif;Ghas', '--output', out, '--log', 'ForceOverwrite'], { stdio: ['ignore', 'ignore', 'inherit'] })
  const run = JSON.parse(readFileSync(out, 'utf8')).runs[0]
  const notes = (run.invocations ?? []).flatMap(i => [...(i.toolExecutionNotifications ?? []), ...(i.toolConfigurationNotifications ?? [])])
  // A result without a level has that of its rule, else it is a warning.
  const level = r => r.level ?? run.tool.driver.rules?.[r.ruleIndex]?.defaultConfiguration?.level ?? 'warning'
  const bad = [...(run.results ?? []), ...notes].filter(r => level(r) === 'error')
  const warned = (run.results ?? []).length - bad.length
  for (const r of bad) console.error(`${file}: ${r.ruleId ?? r.descriptor?.id}: ${JSON.stringify(r.message)}`)
  console.log(`${file}: ${bad.length} errors, ${warned} warnings`)
  errors += bad.length
}
rmSync(dirname(out), { recursive: true })
process.exit(errors ? 1 : 0)
