/** The address of what it assembles to, see `../bundle.ts`. */
declare module '*.wat' {
  const address: string;
  export default address;
}
