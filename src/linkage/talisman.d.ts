declare module 'talisman/phonetics/soundex.js' {
  function soundex(name: string): string
  export = soundex
}
