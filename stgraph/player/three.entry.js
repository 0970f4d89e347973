// What the player takes of three.js. three.min.js is made of this file, in an empty folder, by
//   npm install three@0.187.0 esbuild@0.28.2
//   npx esbuild three.entry.js --bundle --minify --format=iife --global-name=THREE \
//     --legal-comments=inline --outfile=three.min.js
export {
  AmbientLight, Color, CylinderGeometry, DirectionalLight, GridHelper, Group, InstancedMesh, Matrix4,
  MeshLambertMaterial, PerspectiveCamera, Quaternion, Raycaster, Scene, SphereGeometry, Vector2, Vector3,
  WebGLRenderer,
} from "three";
export { OrbitControls } from "three/addons/controls/OrbitControls.js";
