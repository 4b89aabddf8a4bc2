/** A copy button beside every command. Without script the commands can still be selected. */
for (const block of document.querySelectorAll('.flsdb-command pre')) {
  const button = document.createElement('button')
  button.type = 'button'
  button.className = 'flsdb-copy'
  button.textContent = 'Copy'
  button.addEventListener('click', async () => {
    await navigator.clipboard.writeText(block.textContent ?? '')
    button.textContent = 'Copied'
    setTimeout(() => {
      button.textContent = 'Copy'
    }, 2_000)
  })
  block.after(button)
}
