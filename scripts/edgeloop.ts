process.stdout.write(`hello ${process.argv.slice(2).join('|')} ${process.cwd()} ${process.version}\n`)
