// While the page itself is fetched and read: what it has to know, and the socket that it will speak over.
(() => {
  const access = fetch("/console/access", { cache: "no-store" }).then(
    (reply) => (reply.ok ? reply.json() : null),
    () => null,
  );
  const socket = access.then((found) => {
    const url = found?.websockets[0];
    // Without a key the server would wait for one in vain.
    const known = found?.observerSeed ?? sessionStorage.getItem("meridian.seed");
    if (url === undefined || known === null) return null;
    const made = new WebSocket(url);
    made.binaryType = "arraybuffer";
    const heard = [];
    const hear = (message) => heard.push(message);
    made.addEventListener("message", hear);
    return { url, made, heard, deaf: () => made.removeEventListener("message", hear) };
  });
  globalThis.meridianBegun = { access, socket };
})();
