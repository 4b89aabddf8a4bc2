import module from 'node:module'
import path from 'node:path'

// Every process of the service reads some 400 files of TypeScript; what Node compiled of them is kept between starts, for processes it forks too.
const { directory } = module.enableCompileCache(path.join(import.meta.dirname, '..', '.cache', 'compiled'))
if (directory !== undefined) process.env['NODE_COMPILE_CACHE'] = directory
await import('./main.ts')
